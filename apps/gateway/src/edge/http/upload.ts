import type { FastifyRequest } from "fastify";
import { type Refusal, refuse } from "../../access/refusal.ts";
import { takeBytesTurn } from "../../runtime/take-bytes-turn.ts";
import { UPLOAD_SILENCE_MS_MAX } from "../limits.ts";
import type { EdgeDeps } from "./deps.ts";

/** A file that comes as the body of a request. */
export interface Upload {
  readonly kind: "upload";
  /** What the client calls it; null: nothing. */
  readonly declared: string | null;
  /** Its bytes as the client says; null: it does not say. */
  readonly size: number | null;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Returns the file of a request, whose bytes are read as they are asked for. */
export function uploadOf(deps: Pick<EdgeDeps, "turns">, tenantId: string, request: FastifyRequest): Upload | Refusal {
  const { headers } = request;
  if ((headers["content-encoding"] ?? "identity") !== "identity")
    return refuse("unsupported_media_type", "Send the file as it is, without 'Content-Encoding'.");
  if (/^multipart\//i.test(headers["content-type"] ?? ""))
    return refuse("unsupported_media_type", "Send the file itself as the body, without a form around it.");
  const length = headers["content-length"];
  return {
    kind: "upload",
    declared: headers["content-type"] ?? null,
    size: length === undefined ? null : Number(length),
    content: contentOf(deps, tenantId, request),
  };
}

/**
 * A client that sends nothing for `UPLOAD_SILENCE_MS_MAX` is cut. One that drips has `UPLOAD_TIMEOUT_MS` in all, which
 * the server sees to. The socket outlives an early end, so that the client reads the response.
 */
async function* contentOf(
  { turns }: Pick<EdgeDeps, "turns">,
  tenantId: string,
  { raw }: FastifyRequest,
): AsyncGenerator<Uint8Array> {
  // The answer sets another time, and Node another one after it.
  raw.socket.setTimeout(UPLOAD_SILENCE_MS_MAX);
  for await (const piece of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    // What comes meanwhile stays in the connection.
    await takeBytesTurn(turns, tenantId, piece.length);
    yield piece;
  }
}
