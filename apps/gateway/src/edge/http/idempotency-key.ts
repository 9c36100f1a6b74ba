import type { FastifyRequest } from "fastify";
import { type Refusal, refuse } from "../../access/refusal.ts";
import { IDEMPOTENCY_KEY_CHARACTERS_MAX } from "../limits.ts";

/** The request's `Idempotency-Key`, if it has one. */
export function idempotencyKeyOf(
  request: FastifyRequest,
): { readonly kind: "key"; readonly key: string | undefined } | Refusal {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return { kind: "key", key };
  if (typeof key === "string" && key.length <= IDEMPOTENCY_KEY_CHARACTERS_MAX && /^[\x20-\x7e]+$/.test(key)) {
    return { kind: "key", key };
  }
  const detail = `The Idempotency-Key must be 1 to ${IDEMPOTENCY_KEY_CHARACTERS_MAX} visible ASCII characters; a UUID is a good one.`;
  return refuse("invalid_request", detail, [{ path: "Idempotency-Key", message: "is no such key" }]);
}
