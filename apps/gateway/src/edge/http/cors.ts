import { PREFLIGHT_MAX_AGE_S } from "../limits.ts";
import type { FastifyReply, FastifyRequest } from "fastify";

const ALLOWED_HEADERS = "Authorization, Content-Type, Last-Event-ID, Idempotency-Key";
/** What a page may read of an answer beside its body. */
const EXPOSED_HEADERS = "X-Request-Id, Location, Retry-After";

/** Lets pages of the allowed origins read the answer. No cookies: a page elsewhere sends its token as a header. */
export function applyCors(request: FastifyRequest, reply: FastifyReply, allowedOrigins: readonly string[]): void {
  // Always, so that no cache answers one origin with what was meant for another.
  reply.header("vary", "Origin");
  const { origin } = request.headers;
  if (origin === undefined || !allowedOrigins.includes(origin)) return;
  reply.headers({ "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED_HEADERS });
}

/** Answers OPTIONS: with the methods of the path, and a page's preflight with what it may send. */
export function answerPreflight(
  request: FastifyRequest,
  reply: FastifyReply,
  params: { readonly allow: string; readonly allowedOrigins: readonly string[] },
): FastifyReply {
  const { origin } = request.headers;
  reply.code(204).header("allow", params.allow);
  if (origin !== undefined && params.allowedOrigins.includes(origin)) {
    reply.headers({
      "access-control-allow-methods": params.allow,
      "access-control-allow-headers": ALLOWED_HEADERS,
      "access-control-max-age": PREFLIGHT_MAX_AGE_S,
    });
  }
  return reply.send();
}
