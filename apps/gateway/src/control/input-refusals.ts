import { type Refusal, refuse } from "../access/refusal.ts";

/** Refusals that several use cases share. */

/** The run of an input has `INBOX_MAX` inputs waiting. */
export function inboxFull(): Refusal {
  return refuse("too_many_requests", "The run has too much to take in already; send this again later.");
}

/** Another body was accepted under the same idempotency key. */
export function idempotencyKeyReused(): Refusal {
  return refuse(
    "idempotency_key_reused",
    "Use a fresh Idempotency-Key for another body, or send the first body again.",
  );
}
