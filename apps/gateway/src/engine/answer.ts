/**
 * The answer of a call, on its way to a run that this gateway has parked. Where it opens a step, the model is asked
 * while the statement that accepts the answer is in flight.
 *
 * 1. What follows from the answer is foreseen by the rules of a round, from what is remembered of the run. What would
 *    have to be read first is not foreseen, nor is anything else than an open step.
 * 2. The statement goes out before the model is asked, as for a birth. A run whose model kills its gateway is then
 *    found by others, and counted.
 * 3. It counts only if the run is taken just as it was foreseen. Otherwise what was asked is abandoned, and the run is
 *    taken up as by a claim. The round is planned anew in any case, and may still differ (`run-holder.ts`).
 * 4. A refused answer costs one request to the model at most: what was remembered of the run is forgotten then.
 */
import type { OutsideInput } from "../core/input.ts";
import { neededAgents } from "../core/needed-agents.ts";
import { needsDispatchContext } from "../core/needs-dispatch-context.ts";
import type { TenantId } from "../core/tenant-id.ts";
import type { ClaimedRun } from "../ports/claimed-run.ts";
import type { HoldOffer, TakenRun } from "../ports/hold-offer.ts";
import type { HolderParts } from "./holder-params.ts";
import { isHopeless } from "../core/blame.ts";
import type { ParkedRun } from "./parked-runs.ts";
import { opensStep, planRound, type Round } from "./plan-round.ts";
import { RunHolder } from "./run-holder.ts";

/** The store gives the input its id when it accepts it. */
const NOT_ACCEPTED = "not accepted";

export class Answer implements HoldOffer {
  readonly gatewayId: string;
  readonly claimNumber: number;
  readonly leaseDurationMs: number;
  readonly tenantId: TenantId;
  readonly sentAt: number;
  readonly #parts: HolderParts;
  readonly #onAbandoned: (settled: Promise<void>) => void;
  #foreseen: { readonly claimed: ClaimedRun; readonly round: Round; readonly holder: RunHolder } | null = null;
  #cancelAsking: () => void = () => {};

  constructor(params: {
    readonly tenantId: TenantId;
    readonly claimNumber: number;
    readonly parts: HolderParts;
    /** What is remembered of the run, and the answer; null: nothing is foreseen. */
    readonly about: { readonly parked: ParkedRun; readonly input: OutsideInput } | null;
    /** Keeps what was abandoned in the tasks of the engine. */
    readonly onAbandoned: (settled: Promise<void>) => void;
  }) {
    const { deps } = params.parts;
    this.tenantId = params.tenantId;
    this.claimNumber = params.claimNumber;
    this.gatewayId = deps.gatewayId;
    this.leaseDurationMs = deps.leaseDurationMs;
    this.sentAt = deps.clock.monotonic();
    this.#parts = params.parts;
    this.#onAbandoned = params.onAbandoned;
    if (params.about !== null) this.#foresee(params.about.parked, params.about.input);
  }

  /** What is to hold the run that is on its way; null: nothing was foreseen. */
  get holder(): RunHolder | null {
    return this.#foreseen?.holder ?? null;
  }

  /** The run that is on its way; null: nothing was foreseen. */
  get runId(): string | null {
    return this.#foreseen?.claimed.runId ?? null;
  }

  /** 2. The timer lets the statement leave the process first. */
  sent(): void {
    if (this.#foreseen === null) return;
    const { holder, round } = this.#foreseen;
    this.#cancelAsking();
    this.#cancelAsking = this.#parts.deps.clock.after(0, () => holder.expect(round));
  }

  /** The run was taken. Returns what is to hold it; null: it was not taken as foreseen (3.). */
  take({ claimed, inbox }: TakenRun): RunHolder | null {
    if (this.#foreseen === null) return null;
    const { claimed: foreseen, holder } = this.#foreseen;
    if (!isSame(foreseen, claimed) || inbox.inputs.length !== 1) {
      this.abandon();
      return null;
    }
    this.#foreseen = null;
    this.#cancelAsking();
    holder.wasAnswered(inbox);
    return holder;
  }

  /** The answer was refused, or the run was not taken as foreseen. */
  abandon(): void {
    if (this.#foreseen === null) return;
    this.#cancelAsking();
    this.#onAbandoned(this.#foreseen.holder.wasNotTaken());
    this.#foreseen = null;
  }

  /** 1. */
  #foresee(parked: ParkedRun, input: OutsideInput): void {
    const { record, runId, recoveries, stalls, now } = parked;
    const { state } = record;
    const { tenantId, sentAt } = this;
    const claimed: ClaimedRun = {
      runId,
      tenantId,
      epoch: parked.epoch + 1,
      lastSeq: state.run.seq,
      lost: false,
      recoveries,
      stalls,
    };
    const at = now();
    const mustRead = needsDispatchContext(state, [], at) || neededAgents(state, []).length > 0;
    if (mustRead || isHopeless(claimed)) return;
    this.#parts.stallWatch.seen();
    const inbox = { count: 1, inputs: [{ inputId: NOT_ACCEPTED, input }], resultsUnread: false };
    const round = planRound({
      state,
      recordBytes: record.bytes,
      epoch: claimed.epoch,
      reports: [{ kind: "claimed", epoch: claimed.epoch, lost: false, historyRunIds: [] }],
      inbox,
      dispatchContext: { devices: {}, dispatches: {} },
      agents: {},
      partial: "",
      leaving: "no",
      now: at,
    });
    if (!opensStep(round) || round.children.length > 0) return;
    const holder = new RunHolder({ ...this.#parts, claimed, sentAt, now, inbox, parked, foreseen: round });
    this.#foreseen = { claimed, round, holder };
  }
}

function isSame(a: ClaimedRun, b: ClaimedRun): boolean {
  return (
    a.runId === b.runId &&
    a.epoch === b.epoch &&
    a.lastSeq === b.lastSeq &&
    a.lost === b.lost &&
    a.recoveries === b.recoveries &&
    a.stalls === b.stalls
  );
}
