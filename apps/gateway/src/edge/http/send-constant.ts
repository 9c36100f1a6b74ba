import type { FastifyReply } from "fastify";
import { bytesFor, type ConstantPage, hasPage } from "./constant-page.ts";

/** Sends a page, unless the client has it already. */
export function sendConstant(reply: FastifyReply, page: ConstantPage): FastifyReply {
  const { headers } = reply.request;
  void reply.headers(page.headers);
  if (hasPage(page, headers["if-none-match"])) return reply.code(304).send();
  const compressed = bytesFor(page, headers["accept-encoding"]);
  if (compressed === null) return reply.send(page.bytes);
  return reply.header("content-encoding", compressed.encoding).send(compressed.bytes);
}
