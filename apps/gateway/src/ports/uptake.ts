import type { TenantId } from "../core/tenant-id.ts";
import type { HoldOffer, StartOffer } from "./hold-offer.ts";
import type { StartOutcome, SubmitResultOutcome } from "./tenant-store.ts";

/** Takes runs up at once, instead of by a claim, where the gateway has room and the tenant's turn allows it. */
export interface Uptake {
  /**
   * Calls `start` with an offer, or with null if the run is to wait for a claim. A run that was born under the offer is
   * held here when this resolves. Rejects with what `start` throws.
   */
  start<T>(
    tenantId: TenantId,
    start: (offer: StartOffer | null) => Promise<T | StartOutcome>,
  ): Promise<T | StartOutcome>;
  /**
   * Calls `answer` with an offer, or with null if the run is to wait for a claim. A run that was taken under the offer
   * is held here when this resolves. Rejects with what `answer` throws.
   */
  answer(
    tenantId: TenantId,
    answer: (offer: HoldOffer | null) => Promise<SubmitResultOutcome>,
  ): Promise<SubmitResultOutcome>;
}
