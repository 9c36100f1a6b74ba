import { backoffMs } from "../core/backoff.ts";
import type { Clock } from "../ports/clock.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { Lease } from "./lease-keeper.ts";
import { STORE_RETRY } from "./limits.ts";

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
 */
export async function askWhileLeased<T>(
  statement: () => Promise<T | null>,
  { lease, clock }: { readonly lease: Lease; readonly clock: Clock },
): Promise<Asked<T>> {
  for (let failures = 1; ; failures++) {
    try {
      const value = await statement();
      return value === null ? { kind: "fenced" } : { kind: "answered", value };
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      if (!lease.isGood()) return { kind: "gave_up" };
      const delayMs = backoffMs(failures, STORE_RETRY, clock.random());
      await new Promise<void>((resolve) => {
        clock.after(delayMs, resolve);
      });
    }
  }
}
