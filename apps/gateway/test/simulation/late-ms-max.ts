import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import { CLAIM_IN_FLIGHT_MAX_MS } from "../../src/engine/limits.ts";
import type { RunHistory } from "./run-history.ts";

/** How much later than its time something may happen in a run at the latest; after faults also in leases. */
const LATE_MS = 3000;
const LATE_LEASES = 10;

/**
 * How late something that is due may happen in this run, in virtual ms. `healedAt`: when all faults were over; 0: there
 * were none. A run on its last chance is taken by nobody while a claim whose answer was lost may be on its way.
 */
export function lateMsMax(
  { losses }: Pick<RunHistory, "losses">,
  { leaseDurationMs, healedAt }: { readonly leaseDurationMs: number; readonly healedAt: number | null },
): number {
  if (healedAt === 0) return LATE_MS;
  const inFlightMs = losses.length >= RECOVERIES_MAX ? CLAIM_IN_FLIGHT_MAX_MS : 0;
  return LATE_MS + LATE_LEASES * leaseDurationMs + inFlightMs;
}
