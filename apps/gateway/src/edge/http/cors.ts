import type { IncomingHttpHeaders } from "node:http";
import { PREFLIGHT_MAX_AGE_S } from "../limits.ts";
import { isOriginAllowed } from "../origin.ts";
import type { FastifyReply, FastifyRequest } from "fastify";

const ALLOWED_HEADERS = "Authorization, Content-Type, Last-Event-ID, Idempotency-Key";
/** The headers of a response that a page may read. */
const EXPOSED_HEADERS = "X-Request-Id, Location, Retry-After";

/**
 * Lets pages of the allowed origins read the response. They send no cookies: a page elsewhere has its token as a
 * header.
 */
export function applyCors(request: FastifyRequest, reply: FastifyReply, allowedOrigins: readonly string[]): void {
  // On every response, so that no cache serves one origin what was meant for another.
  reply.header("vary", "Origin");
  const { origin } = request.headers;
  if (origin === undefined || !allowedOrigins.includes(origin)) return;
  reply.headers({ "access-control-allow-origin": origin, "access-control-expose-headers": EXPOSED_HEADERS });
}

/** Returns the origin of a page that may not read the response, or null. The gateway's own pages may. */
export function refusedOriginOf(headers: IncomingHttpHeaders, allowedOrigins: readonly string[]): string | null {
  const { origin, host } = headers;
  return origin === undefined || isOriginAllowed(origin, host, allowedOrigins) ? null : origin;
}

/** Responds to OPTIONS with the methods of the path, and to a page's preflight with what it may send. */
export function sendPreflight(
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
