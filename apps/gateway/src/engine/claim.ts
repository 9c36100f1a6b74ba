import type { ClaimedRun, Inbox } from "../ports/fleet-store.ts";
import type { TenantId } from "../core/tenant-id.ts";

/** A run under the epoch of one claim. */
export interface Claim {
  readonly tenantId: TenantId;
  readonly runId: string;
  readonly epoch: number;
}

/** A run that was just claimed. */
export interface FreshClaim {
  readonly claimed: ClaimedRun;
  /** When the claim was sent, by the monotonic clock. */
  readonly sentAt: number;
  /** The inputs that wait, if the claim tells. */
  readonly inbox?: Inbox;
  /** Returns the database's time, in ms. */
  readonly now: () => number;
}
