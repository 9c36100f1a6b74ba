/**
 * Takes runs up in the very commit that makes them due, instead of by a claim that follows.
 *
 * 1. It follows the rules by which a claim shares places (`ports/share-places.ts`). A tenant that may have one more
 *    place may take it here.
 * 2. It passes by no run that waits. A claim may have left due runs whose tenants have their share. Those tenants hold
 *    something, so only one that holds nothing is served then. After a claim that found no room nobody is, until one
 *    finds some.
 * 3. A tenant that owes turns of the event loop waits for a claim.
 * 4. While leases are to be returned nobody is served: the store may be away, and what it took unseen is unknown.
 * 5. An answer that was lost may have taken the run, so it is returned by its number, as for a claim.
 */
import type { TenantId } from "../core/tenant-id.ts";
import { PLACES_PER_FREE_PLACE } from "../ports/limits.ts";
import type { HoldOffer, StartOffer } from "../ports/hold-offer.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { StartOutcome, SubmitResultOutcome } from "../ports/tenant-store.ts";
import type { AnsweredCall, Uptake } from "../ports/uptake.ts";
import { Birth } from "./birth.ts";
import type { FreshClaim } from "./claim.ts";
import { Answer } from "./answer.ts";
import type { ClaimLoop, Load } from "./claim-loop.ts";
import type { HolderParts } from "./holder-params.ts";
import type { ParkedRuns } from "./parked-runs.ts";
import type { RunHolder } from "./run-holder.ts";

export interface RunUptakeParams {
  readonly parts: HolderParts;
  readonly parkedRuns: Pick<ParkedRuns, "see" | "forget">;
  readonly claims: Pick<ClaimLoop, "left" | "nextNumber">;
  /** Returns what the gateway holds now, births included. */
  readonly load: () => Load;
  /** Whether the gateway may take anything now. */
  readonly mayClaim: () => boolean;
  /** Called with each run that is held from now on. */
  readonly onTaken: (claim: FreshClaim, holder?: RunHolder) => void;
  /** Called with what is to be awaited before the engine is stopped. */
  readonly onTask: (task: Promise<unknown>) => void;
}

export class RunUptake implements Uptake {
  readonly #params: RunUptakeParams;
  readonly #births = new Set<Birth>();
  readonly #answers = new Set<Answer>();

  constructor(params: RunUptakeParams) {
    this.#params = params;
  }

  /** The tenants of the places that are kept for runs on their way. */
  get tenants(): readonly TenantId[] {
    return [...this.#births, ...this.#answers].map(({ tenantId }) => tenantId);
  }

  /** Returns what is to hold the run, if it is on its way here. */
  holderOf(runId: string): RunHolder | undefined {
    return (this.#birthOf(runId) ?? this.#answerOf(runId))?.holder ?? undefined;
  }

  /** A bell rang for a run. Returns whether it is on its way here. */
  rang(runId: string): boolean {
    const birth = this.#birthOf(runId);
    birth?.rang();
    return birth !== undefined;
  }

  async start<T>(
    tenantId: TenantId,
    start: (offer: StartOffer | null) => Promise<T | StartOutcome>,
  ): Promise<T | StartOutcome> {
    if (!this.#mayTake(tenantId)) return start(null);
    const { parts, claims, onTask } = this.#params;
    const birth = new Birth({ tenantId, claimNumber: claims.nextNumber(), parts, onAbandoned: onTask });
    const started = this.#bear(birth, start);
    onTask(started.catch(() => {}));
    return started;
  }

  async #bear<T>(
    birth: Birth,
    start: (offer: StartOffer | null) => Promise<T | StartOutcome>,
  ): Promise<T | StartOutcome> {
    const { parts, onTaken } = this.#params;
    this.#births.add(birth);
    try {
      const outcome = await start(birth);
      const born = isHeld(outcome) ? birth.bear() : null;
      if (born !== null) onTaken(born.claim, born.holder);
      return outcome;
    } catch (error) {
      if (error instanceof StoreUnavailable) parts.keeper.returnClaim(birth.claimNumber); // 5.
      throw error;
    } finally {
      birth.end();
      this.#births.delete(birth);
    }
  }

  async answer(
    tenantId: TenantId,
    about: AnsweredCall | null,
    answer: (offer: HoldOffer | null) => Promise<SubmitResultOutcome>,
  ): Promise<SubmitResultOutcome> {
    if (!this.#mayTake(tenantId)) return answer(null);
    const answered = this.#takeAnswered(this.#offerFor(tenantId, about), answer);
    this.#params.onTask(answered.catch(() => {}));
    return answered;
  }

  #offerFor(tenantId: TenantId, about: AnsweredCall | null): Answer {
    const { parts, parkedRuns, claims, onTask } = this.#params;
    // Of two answers to one run at once the second is foreseen by nobody.
    const isFirst = about !== null && this.#answerOf(about.runId) === undefined;
    const parked = isFirst ? parkedRuns.see(tenantId, about.runId) : null;
    return new Answer({
      tenantId,
      claimNumber: claims.nextNumber(),
      parts,
      about: parked === null || about === null ? null : { parked, input: about.input },
      onAbandoned: onTask,
    });
  }

  async #takeAnswered(
    offer: Answer,
    answer: (offer: HoldOffer | null) => Promise<SubmitResultOutcome>,
  ): Promise<SubmitResultOutcome> {
    const { parts, parkedRuns, onTaken } = this.#params;
    const { clock } = parts.deps;
    const { sentAt, runId } = offer;
    this.#answers.add(offer);
    try {
      const outcome = await answer(offer);
      if (outcome.kind !== "accepted" && runId !== null) parkedRuns.forget(runId);
      if (outcome.kind !== "accepted" || outcome.taken === null) return outcome;
      const answeredAt = clock.monotonic();
      const { claimed, now: storeNow, inbox } = outcome.taken;
      const now = (): number => Math.floor(storeNow + clock.monotonic() - answeredAt);
      onTaken({ claimed, sentAt, now, inbox }, offer.take(outcome.taken) ?? undefined);
      return outcome;
    } catch (error) {
      if (error instanceof StoreUnavailable) parts.keeper.returnClaim(offer.claimNumber); // 5.
      throw error;
    } finally {
      offer.abandon();
      this.#answers.delete(offer);
    }
  }

  /** 1. to 4. */
  #mayTake(tenantId: TenantId): boolean {
    const { parts, claims, load, mayClaim } = this.#params;
    const { deps, keeper } = parts;
    if (!mayClaim() || keeper.hasUnreturnedLeases || deps.turns.owes(tenantId)) return false;
    const { runs, byTenant } = load();
    const free = deps.runsHeldMax - runs;
    const held = byTenant.get(tenantId) ?? 0;
    if (free <= 0 || held >= PLACES_PER_FREE_PLACE * free) return false;
    return claims.left === "none" || (claims.left === "withheld" && held === 0);
  }

  #birthOf(runId: string): Birth | undefined {
    return [...this.#births].find((birth) => birth.runId === runId);
  }

  #answerOf(runId: string): Answer | undefined {
    return [...this.#answers].find((answer) => answer.runId === runId);
  }
}

function isHeld(outcome: unknown): boolean {
  return typeof outcome === "object" && outcome !== null && "isHeld" in outcome && outcome.isHeld === true;
}
