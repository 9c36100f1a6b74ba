/**
 * A run that is started and held by one commit: it is born with its lease, and its first step is open.
 *
 * 1. What a claim would lead to is planned before the run is there, by the same rules. It is written with the first
 *    facts. Where it is anything else than an open step, the run is queued.
 * 2. The statement goes out before the model is asked. A run whose model kills its gateway is then found by others, and
 *    counted.
 * 3. Of several tries to write the run the last one counts. What was asked for an earlier one is abandoned.
 * 4. The run is under its first epoch from its birth on.
 * 5. A store that carries a statement out after its sender gave up may ask late. Such a run is held by nobody here, and
 *    its lease is returned by the number of its claim.
 */
import { placeFacts } from "../core/place-facts.ts";
import type { EventRecord } from "../core/event-record.ts";
import type { TenantId } from "../core/tenant-id.ts";
import type { ClaimedRun, Inbox } from "../ports/fleet-store.ts";
import { LOADED_FACTS_BYTES_MAX } from "../ports/limits.ts";
import type { BegunRun, NewRun, StartOffer } from "../ports/hold-offer.ts";
import { chargeRecords } from "../runtime/charge-bytes.ts";
import type { FreshClaim } from "./claim.ts";
import type { Born } from "./born.ts";
import { opensStep, planRound } from "./plan-round.ts";
import { emptyRecord, foldPage } from "./read-record.ts";
import type { HolderParts } from "./holder-params.ts";
import { RunHolder } from "./run-holder.ts";

const NO_INPUTS: Inbox = { count: 0, inputs: [], resultsUnread: false };

/** What a claim would say of it (4.). */
const AT_BIRTH = { epoch: 1, lost: false } as const;

export class Birth implements StartOffer {
  readonly gatewayId: string;
  readonly claimNumber: number;
  readonly leaseDurationMs: number;
  readonly tenantId: TenantId;
  readonly #parts: HolderParts;
  readonly #sentAt: number;
  readonly #onAbandoned: (settled: Promise<void>) => void;
  #expected: { readonly born: Born; readonly holder: RunHolder; readonly claim: FreshClaim } | null = null;
  #cancelAsking: () => void = () => {};
  #wasRung = false;
  #isOver = false;

  constructor(params: {
    readonly tenantId: TenantId;
    readonly claimNumber: number;
    readonly parts: HolderParts;
    /** Keeps what a try has left behind in the tasks of the engine. */
    readonly onAbandoned: (settled: Promise<void>) => void;
  }) {
    const { deps } = params.parts;
    this.tenantId = params.tenantId;
    this.claimNumber = params.claimNumber;
    this.gatewayId = deps.gatewayId;
    this.leaseDurationMs = deps.leaseDurationMs;
    this.#parts = params.parts;
    this.#sentAt = deps.clock.monotonic();
    this.#onAbandoned = params.onAbandoned;
  }

  /** What is to hold the run that is on its way; null: none is. */
  get holder(): RunHolder | null {
    return this.#expected?.holder ?? null;
  }

  /** The run that is on its way; null: none. */
  get runId(): string | null {
    return this.#expected?.claim.claimed.runId ?? null;
  }

  begin(run: NewRun): BegunRun | null {
    this.abandon(); // 3.
    const { deps } = this.#parts;
    const born = this.#plan(run);
    if (born === null) return null;
    if (this.#isOver) return { facts: born.records, run: born.round.run }; // 5.
    const answeredAt = deps.clock.monotonic();
    const claim = {
      claimed: this.#claimed(run),
      sentAt: this.#sentAt,
      now: () => Math.floor(run.now + deps.clock.monotonic() - answeredAt),
    };
    const holder = new RunHolder({ ...this.#parts, ...claim, born });
    this.#expected = { born, holder, claim };
    return { facts: born.records, run: born.round.run };
  }

  /** 2. The timer lets the statement leave the process first. */
  sent(): void {
    if (this.#expected === null) return;
    const { born, holder } = this.#expected;
    this.#cancelAsking();
    this.#cancelAsking = this.#parts.deps.clock.after(0, () => holder.expect(born.round));
  }

  /** A bell rang for the run before it was here. */
  rang(): void {
    this.#wasRung = true;
  }

  /** The run is there, and is ours. Returns what is to hold it. */
  bear(): { readonly claim: FreshClaim; readonly holder: RunHolder } | null {
    if (this.#expected === null) return null;
    const { born, holder, claim } = this.#expected;
    this.#expected = null;
    this.#cancelAsking();
    holder.wasBorn(born);
    if (this.#wasRung) holder.rang();
    return { claim, holder };
  }

  /** The run is not there, or is not ours. */
  abandon(): void {
    if (this.#expected === null) return;
    this.#cancelAsking();
    this.#onAbandoned(this.#expected.holder.wasNotTaken());
    this.#expected = null;
  }

  /** The request is over: nothing is taken up by it any more. */
  end(): void {
    this.abandon();
    this.#isOver = true;
  }

  #claimed({ runId, facts }: NewRun): ClaimedRun {
    const { tenantId } = this;
    return { runId, tenantId, lastSeq: facts.length, ...AT_BIRTH, recoveries: 0, stalls: 0 };
  }

  /** 1. Null: the run does not begin with a step, or is too large to be begun beside a request. */
  #plan({ runId, config, deviceKey, facts, earlierRunIds, now }: NewRun): Born | null {
    const { deps, stallWatch } = this.#parts;
    const last = facts.at(-1);
    if (last === undefined || bytesOf(facts) > LOADED_FACTS_BYTES_MAX) return null;
    stallWatch.seen();
    const record = foldPage(emptyRecord(runId, { config, deviceKey }), facts);
    if (record === null) return null;
    const round = planRound({
      state: record.state,
      recordBytes: record.bytes,
      epoch: AT_BIRTH.epoch,
      reports: [{ kind: "claimed", ...AT_BIRTH, historyRunIds: earlierRunIds }],
      inbox: NO_INPUTS,
      dispatchContext: { devices: {}, dispatches: {} },
      agents: {},
      partial: "",
      leaving: "no",
      now,
    });
    if (!opensStep(round) || round.calls.length > 0 || round.children.length > 0) return null;
    const lastPosition = { seq: last.seq, sub: last.sub };
    const loaded = { deviceKey, config, facts, lastPosition, earlierRunIds, inbox: NO_INPUTS };
    const records = placeFacts({ facts: round.facts, afterSeq: last.seq, prev: lastPosition, ts: now });
    chargeRecords(deps.turns, this.tenantId, [...facts, ...records]);
    const { tag: generation } = deps.generation.present;
    return {
      loaded: { ...loaded, dispatchContext: { devices: {}, dispatches: {} } },
      record,
      round,
      records,
      generation,
    };
  }
}

function bytesOf(facts: readonly EventRecord[]): number {
  return facts.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
}
