import type { TenantId } from "../core/tenant-id.ts";
import type { OutsideInput } from "../core/input.ts";
import type { HoldOffer, StartOffer } from "./hold-offer.ts";
import type { StartOutcome, SubmitResultOutcome } from "./tenant-store.ts";

/** The answer of a call of this run, as it will be in the inbox. */
export interface AnsweredCall {
  readonly runId: string;
  readonly input: OutsideInput;
}

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
   * is held here when this resolves. Rejects with what `answer` throws. With `about`, what follows from the answer may
   * be begun before it is accepted.
   */
  answer(
    tenantId: TenantId,
    about: AnsweredCall | null,
    answer: (offer: HoldOffer | null) => Promise<SubmitResultOutcome>,
  ): Promise<SubmitResultOutcome>;
}
