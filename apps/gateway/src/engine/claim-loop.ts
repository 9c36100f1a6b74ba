/**
 * Claims the runs that are due, again and again. A ring only makes the next claim come sooner, so a lost one costs a
 * poll.
 *
 * 1. A ring during a claim is not lost: another claim follows.
 * 2. After a claim that took nothing the loop rests in proportion to what the claim cost, whatever rings. Bells ring
 *    for every gateway, and others are taking what is due.
 * 3. A claim whose answer was lost is returned by its number. Until then no run on its last chance is taken: this
 *    gateway may have one already, unseen.
 * 4. Tenants share the places of a gateway (`ports/share-places.ts`). While due runs wait for a place, each place that
 *    is freed brings a claim. A gateway that may take nothing now asks for nothing.
 * 5. A pause between two claims is never so long that it would count as a silence of the store (`store-contact.ts`).
 */
import { StoreUnavailable } from "../ports/store.ts";
import { type NextTick, Recurring } from "../runtime/recurring.ts";
import type { AnsweredRuns } from "./answered-runs.ts";
import type { FreshClaim } from "./claim.ts";
import type { EngineDeps } from "./engine-deps.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import {
  CLAIM_BATCH_MAX,
  CLAIM_POLL_MS,
  CLAIM_REST_MAX_MS,
  CLAIM_REST_MIN_MS,
  LAST_CHANCES_MAX,
  STORE_RETRY,
} from "./limits.ts";
import type { StoreContact } from "./store-contact.ts";

/** How many runs a gateway holds: in all, of each tenant, and on their last chance. */
export interface Load {
  readonly runs: number;
  readonly byTenant: ReadonlyMap<string, number>;
  readonly lastChances: number;
}

export interface ClaimLoopParams {
  readonly deps: Pick<EngineDeps, "gatewayId" | "leaseDurationMs" | "runsHeldMax" | "store" | "clock" | "log">;
  readonly contact: StoreContact;
  readonly keeper: Pick<LeaseKeeper, "hasUnreturnedLeases" | "returnClaim">;
  readonly answers: Pick<AnsweredRuns, "claimAnswered">;
  /** Returns what the gateway holds now. */
  readonly load: () => Load;
  /** Whether the gateway may take anything now. When it may again, it asks for a claim. */
  readonly mayClaim: () => boolean;
  /** Called with each run that was claimed. */
  readonly onClaimed: (claim: FreshClaim) => void;
}

/** What a gateway has claimed. */
export interface ClaimCounts {
  readonly claimedRuns: number;
  readonly recoveredRuns: number;
}

export class ClaimLoop {
  readonly #params: ClaimLoopParams;
  readonly #claims: Recurring;
  #isAnyRunLeft = false;
  #left: "none" | "withheld" | "unknown" = "unknown";
  #counts: ClaimCounts = { claimedRuns: 0, recoveredRuns: 0 };
  /** Numbers given so far. */
  #numbers = 0;

  constructor(params: ClaimLoopParams) {
    const { clock, log } = params.deps;
    this.#params = params;
    this.#claims = new Recurring({ name: "claim runs", tick: () => this.#claim(), retry: STORE_RETRY, clock, log });
  }

  /** Whether the last claim may have left due runs for want of places (4.). */
  get isAnyRunLeft(): boolean {
    return this.#isAnyRunLeft;
  }

  /**
   * What the last claim left of the due runs: none, those whose tenants have their share of the places, or any. Before
   * the first claim is answered, and after one that failed, that is not known.
   */
  get left(): "none" | "withheld" | "unknown" {
    return this.#left;
  }

  /** Returns a number that no other claim of this gateway has. */
  nextNumber(): number {
    this.#numbers += 1;
    return this.#numbers;
  }

  /** The runs that were claimed since the start, and those of them whose lease had been lost. */
  get counts(): ClaimCounts {
    return this.#counts;
  }

  start(): void {
    this.#claims.start(0);
  }

  /** Claims nothing more. Resolves when the claim in flight is over. */
  async stop(): Promise<void> {
    await this.#claims.stop();
  }

  /** Asks for a claim in `delayMs` or sooner. */
  request(delayMs = 0): void {
    this.#claims.request(delayMs); // 1.
  }

  async #claim(): Promise<NextTick> {
    const { deps, contact, keeper, answers, load, mayClaim, onClaimed } = this.#params;
    const { clock, store, gatewayId, leaseDurationMs, runsHeldMax } = deps;
    const pollMs = Math.min(CLAIM_POLL_MS, leaseDurationMs / 6); // 5.
    const { runs: runsHeld, byTenant, lastChances } = load();
    const places = { free: runsHeldMax - runsHeld, heldBy: byTenant };
    const limit = Math.min(CLAIM_BATCH_MAX, places.free);
    const isFull = limit < CLAIM_BATCH_MAX;
    this.#isAnyRunLeft = isFull;
    if (limit <= 0 || !mayClaim()) {
      this.#left = "unknown";
      return { dueMs: pollMs, restMs: 0 };
    }

    const sentAt = clock.monotonic();
    const claimNumber = this.nextNumber();
    const judgesUntil = contact.judgesUntil();
    const lastChancesMax = keeper.hasUnreturnedLeases ? 0 : LAST_CHANCES_MAX - lastChances; // 3.
    const claim = await contact
      .hear(store.claimRuns({ gatewayId, claimNumber, leaseDurationMs, limit, places, judgesUntil, lastChancesMax }))
      .catch((error: unknown) => {
        this.#left = "unknown";
        if (error instanceof StoreUnavailable) keeper.returnClaim(claimNumber); // 3.
        throw error;
      });
    const answeredAt = clock.monotonic();
    contact.toldTime(claim.now);
    answers.claimAnswered(answeredAt);
    this.#isAnyRunLeft = isFull || claim.isAnyWithheld;
    this.#left = claim.runs.length >= limit ? "unknown" : claim.isAnyWithheld ? "withheld" : "none";

    const now = (): number => Math.floor(claim.now + clock.monotonic() - answeredAt);
    const lost = claim.runs.filter((claimed) => claimed.lost).length;
    const { claimedRuns, recoveredRuns } = this.#counts;
    this.#counts = { claimedRuns: claimedRuns + claim.runs.length, recoveredRuns: recoveredRuns + lost };
    for (const claimed of claim.runs) onClaimed({ claimed, sentAt, now });
    const costMs = answeredAt - sentAt;
    const restMs = claim.runs.length > 0 ? 0 : Math.min(CLAIM_REST_MAX_MS, Math.max(CLAIM_REST_MIN_MS, 4 * costMs)); // 2.
    if (claim.runs.length >= limit) return { dueMs: isFull ? pollMs : 0, restMs };
    // Something is due that this claim did not get: others are taking it, or its turn has not come.
    return { dueMs: Math.min(pollMs, Math.max(CLAIM_REST_MIN_MS, claim.nextWakeInMs ?? pollMs)), restMs };
  }
}
