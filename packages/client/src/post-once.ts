import type { CallOptions, Connection } from "./connection.ts";
import { ATTEMPTS_MAX } from "./limits.ts";
import { randomId } from "./random-id.ts";

/** A call that may be repeated under one key. */
export interface KeyedCallOptions extends CallOptions {
  /** The same key and the same request are done once. Each call has a key of its own if this is left out. */
  readonly idempotencyKey?: string;
}

/**
 * Posts a body until it is answered, a few times at most. All attempts bear one key, so the gateway does it once.
 * Rejects with the last attempt's `HsafaError`, or with the signal's reason.
 */
export function postOnce<T>(
  connection: Connection,
  path: string,
  body: object,
  { idempotencyKey = randomId(), signal }: KeyedCallOptions,
): Promise<T> {
  const headers = { "idempotency-key": idempotencyKey };
  return connection.call(path, { method: "POST", body, headers, signal, attemptsMax: ATTEMPTS_MAX });
}
