import { readExactJson } from "@hsafa/protocol";
import type { FastifyRequest } from "fastify";
import { type Refusal, refuse } from "../../access/refusal.ts";
import { BODY_BYTES_MAX, REFUSED_BODY_BYTES_MAX } from "../limits.ts";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";

export type ReadBody = { readonly kind: "json"; readonly value: unknown } | { readonly kind: "none" } | Refusal;

const TOO_LARGE = refuse("payload_too_large", `The body is larger than ${BODY_BYTES_MAX} bytes; send less.`);
const NOT_JSON = refuse(
  "unsupported_media_type",
  "Send the body as 'Content-Type: application/json', in UTF-8, not compressed.",
);

/**
 * Reads the bytes of a request's body as JSON. It refuses what could not be kept as it was sent: the client is there to
 * send it otherwise.
 */
export function readBody(bytes: Buffer | "too_large", { headers }: FastifyRequest): ReadBody {
  const { "content-type": mediaType, "content-encoding": coding = "identity" } = headers;
  if (bytes === "too_large") return TOO_LARGE;
  if (bytes.length === 0) return { kind: "none" };
  if (!isJson(mediaType) || coding !== "identity") return NOT_JSON;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    return malformed(error instanceof Error ? error.message : "");
  }
  const read = readExactJson(text, JSON_DEPTH_MAX);
  switch (read.kind) {
    case "malformed":
      return malformed(read.message);
    case "inexact":
      return unfit(read);
    case "json":
      return read.tornAt === null ? read : unfit({ path: read.tornAt, message: TORN });
    default:
      return read satisfies never;
  }
}

const TORN = "holds half of a surrogate pair, which is no Unicode text";

function malformed(reason: string): Refusal {
  return refuse("malformed_json", `The body cannot be read as JSON: ${reason}`);
}

function unfit({ path, message }: { readonly path: string; readonly message: string }): Refusal {
  return refuse("invalid_request", "The body cannot be taken; see 'errors'.", [{ path, message }]);
}

function isJson(mediaType: string | undefined): boolean {
  return /^application\/json *(;|$)/i.test(mediaType ?? "");
}

/**
 * Collects a body within its bound. One that is too large is still read to its end, within a bound: then the client
 * reads the response instead of a reset.
 */
export async function bodyBytes(request: FastifyRequest): Promise<Buffer | "too_large"> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Leaving this loop early must not destroy the socket: the response still has to be sent on it.
  for await (const chunk of request.raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= BODY_BYTES_MAX) chunks.push(chunk);
    else if (length > REFUSED_BODY_BYTES_MAX) break;
    else chunks.length = 0;
  }
  return length > BODY_BYTES_MAX ? "too_large" : Buffer.concat(chunks);
}
