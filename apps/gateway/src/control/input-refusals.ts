import { type Refusal, refuse } from "../access/refusal.ts";
import { RUN_MESSAGES_BYTES_MAX } from "../ports/limits.ts";

/** Refusals that several use cases share. */

/** The run of an input has `INBOX_MAX` inputs waiting, or `INBOX_BYTES_MAX` bytes with this one. */
export function inboxFull(): Refusal {
  return refuse("too_many_requests", "The run has too much to take in already; send this again later.");
}

/** The run has taken `RUN_MESSAGES_BYTES_MAX` bytes of messages, this one included. */
export function messagesFull(): Refusal {
  const detail = `The run has taken ${RUN_MESSAGES_BYTES_MAX / 1024 / 1024} MiB of messages, and takes no more; start another run, in its thread if it is to go on from here.`;
  return refuse("payload_too_large", detail);
}

/** A run of the thread has not ended, and the start was to be refused then. */
export function threadBusy(runId: string): Refusal {
  const detail = `The run ${runId} of this thread has not ended; wait for its end, or start with another policy.`;
  return { ...refuse("thread_busy", detail), runId };
}

/** The thread of a run is a branch of a branch, and so on, of as many as may be. `path`: what names the run. */
export function branchTooDeep(path: string): Refusal {
  const fault = { path, message: "has too many threads before it" };
  return refuse("invalid_request", "The thread is a branch of too many branches; go on from an earlier run.", [fault]);
}

/** Another body was accepted under the same idempotency key. */
export function idempotencyKeyReused(): Refusal {
  return refuse(
    "idempotency_key_reused",
    "Use a fresh Idempotency-Key for another body, or send the first body again.",
  );
}
