import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { AnsweredRuns } from "./answered-runs.ts";
import type { Lease } from "./lease-keeper.ts";
import { OWN_REFUSALS_MIN, OWN_TROUBLE_LEASES, STORE_RETRY } from "./limits.ts";

/** The outcome of a holder's statement. */
export type Asked<T> =
  | { readonly kind: "answered"; readonly value: T }
  /** The store returned null: another holder has the run. */
  | { readonly kind: "fenced" }
  /** The lease ended before the store was back. */
  | { readonly kind: "gave_up" };

/**
 * Sends a statement, and repeats it while the store is away, for as long as the lease is good. Every statement is safe
 * to repeat. Throws only for a bug.
 *
 * A lease that is renewed is good for ever. So a statement that the store never answers, though it answers others, is
 * given up as `stuck` after `OWN_TROUBLE_LEASES`.
 */
export async function askWhileLeased<T>(
  statement: () => Promise<T | null>,
  params: {
    readonly lease: Lease;
    readonly clock: Clock;
    readonly leaseDurationMs: number;
    readonly answers: AnsweredRuns;
  },
): Promise<Asked<T> | { readonly kind: "stuck" }> {
  const { lease, clock, leaseDurationMs, answers } = params;
  const { runId } = lease;
  let own: { readonly since: number; refusals: number } | null = null;
  try {
    for (let failures = 1; ; failures++) {
      const sentAt = clock.monotonic();
      try {
        const value = await statement();
        answers.answered(runId, clock.monotonic());
        return value === null ? { kind: "fenced" } : { kind: "answered", value };
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        if (!lease.isGood()) return { kind: "gave_up" };
      }
      answers.refused(runId);
      const now = clock.monotonic();
      if (!answers.wereOthers(runId, Math.min(sentAt, now - leaseDurationMs / 2))) own = null;
      else {
        own ??= { since: sentAt, refusals: 0 };
        own.refusals += 1;
        if (own.refusals >= OWN_REFUSALS_MIN && now - own.since >= OWN_TROUBLE_LEASES * leaseDurationMs)
          return { kind: "stuck" };
      }
      const delayMs = backoffMs(failures, STORE_RETRY, clock.random());
      await new Promise<void>((resolve) => {
        clock.after(delayMs, resolve);
      });
    }
  } finally {
    answers.letGo(runId);
  }
}
