import { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import type { Principal } from "../../access/principal.ts";
import type { FileOpened } from "../../control/read-file.ts";
import { FILE_CHUNK_BYTES } from "../../ports/limits.ts";
import type { EdgeDeps } from "./deps.ts";
import type { RouteResponse } from "./route.ts";

/**
 * Returns a file as a response. A browser saves it, whatever it is: nothing of a tenant's runs under the gateway's
 * origin. It has a place until its last byte has left.
 */
export function downloadOf(
  deps: Pick<EdgeDeps, "filePlaces">,
  principal: Principal,
  request: FastifyRequest,
  { file, content }: Extract<FileOpened, { kind: "opened" }>,
): RouteResponse {
  const headers = {
    "content-type": file.mediaType,
    "content-length": String(file.size),
    "content-disposition": dispositionOf(file.filename ?? file.id),
    "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
  };
  if (request.method === "HEAD") return { kind: "empty", status: 200, headers };
  const place = deps.filePlaces.take(principal);
  if (place.kind === "refused") return place;
  const stream = Readable.from(content(), { objectMode: false, highWaterMark: FILE_CHUNK_BYTES });
  stream.once("close", place.leave);
  return { kind: "stream", status: 200, headers, stream, bytesInHand: 2 * FILE_CHUNK_BYTES };
}

/** The name in ASCII for old clients, and the whole name for all others (RFC 6266). */
function dispositionOf(filename: string): string {
  const ascii = filename.replaceAll(/[^\x20-\x7e]|["\\%]/g, "_");
  const whole = encodeURIComponent(filename.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${whole}`;
}
