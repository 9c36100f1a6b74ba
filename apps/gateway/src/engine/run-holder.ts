/**
 * A holder advances one claimed run, alone, for as long as it has the lease.
 *
 * 1. A round is: read what has come, decide, commit, publish, perform. In this order (R3), and then wait for a signal.
 * 2. Only a commit that is known to be written moves the state on. A refused one is planned again from the state
 *    before.
 * 3. A commit whose outcome is unknown is repeated as it is, and nothing else is tried meanwhile.
 * 4. Only what the committed state calls for is performed (R4). What an effect reports too late is dropped (R7).
 * 5. With the lease everything stops: effects are aborted, nothing more is published, nothing more is committed.
 * 6. While a commit that returns the lease is in flight, its own outcome alone says what became of the lease. To a
 *    renewal the lease looks lost as soon as that commit is written.
 */
import { nextDeadlineOf } from "../core/deadline.ts";
import { mayTell } from "../core/decide.ts";
import type { RunInput } from "../core/input.ts";
import { RECOVERIES_MAX } from "../core/limits.ts";
import { isOutOfTime } from "../core/reached-limit.ts";
import { needsDispatchContext } from "../core/needs-dispatch-context.ts";
import { showsProgress } from "../core/shows-progress.ts";
import type { LoadedRun } from "../ports/fleet-store.ts";
import type { AnsweredRuns } from "./answered-runs.ts";
import { type Asked, askWhileLeased } from "./ask-while-leased.ts";
import type { FreshClaim } from "./claim.ts";
import { type CommitEnd, commitRound } from "./commit-round.ts";
import type { DeltaBatcher } from "./delta-batcher.ts";
import { EffectsInFlight } from "./effects-in-flight.ts";
import type { EngineDeps } from "./engine-deps.ts";
import type { HoldEnd } from "./hold-end.ts";
import { HeldRun } from "./held-run.ts";
import { HolderSignals } from "./holder-signals.ts";
import type { Lease, LeaseKeeper, LeaseListener } from "./lease-keeper.ts";
import { LAST_CHANCE_WATCH_MS, LOOK_AGAIN_MS_MAX, PAGE_ROOM_BYTES } from "./limits.ts";
import { chargeRecords } from "../runtime/charge-bytes.ts";
import { dueEffects, stepKey } from "./perform/due-effects.ts";
import { ThreadHistory } from "./perform/thread-history.ts";
import { planRound, type Round } from "./plan-round.ts";
import { type FoldedRecord, lightened, readRecord } from "./read-record.ts";
import type { RecordRoom, RunRoom } from "./record-room.ts";
import { RunWriter } from "./run-writer.ts";
import type { StallWatch } from "./stall-watch.ts";

export interface HolderParams extends FreshClaim {
  readonly deps: EngineDeps;
  readonly keeper: LeaseKeeper;
  readonly batcher: DeltaBatcher;
  readonly answers: AnsweredRuns;
  readonly stallWatch: Pick<StallWatch, "ran" | "seen">;
  readonly recordRoom: RecordRoom;
}

export class RunHolder implements LeaseListener {
  readonly #params: HolderParams;
  readonly #signals: HolderSignals;
  readonly #lease: Lease;
  readonly #effects: EffectsInFlight;
  readonly #room: RunRoom;
  #held: HeldRun | null = null;
  #stallsHere = 0;
  /** A commit that returns the lease is in flight, or was written (6.). */
  #isReleasing = false;
  #hasProgressed = false;
  #isStuck = false;

  constructor(params: HolderParams) {
    const { deps, keeper, claimed, sentAt } = params;
    this.#params = params;
    this.#signals = new HolderSignals(deps.clock);
    this.#effects = new EffectsInFlight({
      onReport: (report) => this.#signals.report(report),
      onBug: (error) => this.#signals.fail(error),
    });
    this.#room = params.recordRoom.open(claimed.tenantId);
    this.#lease = keeper.hold({ claim: claimed, sentAt, listener: this });
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** Whether one more lost lease ends this run, and the run itself may be what costs its gateways. */
  get isOnLastChance(): boolean {
    const { deps, claimed, sentAt } = this.#params;
    const isWatched = deps.clock.monotonic() < sentAt + LAST_CHANCE_WATCH_MS;
    return claimed.recoveries === RECOVERIES_MAX && !this.#hasProgressed && isWatched;
  }

  /** How often the run's own work has stalled a gateway, as far as this holder knows. */
  get stalls(): number {
    return this.#params.claimed.stalls + this.#stallsHere;
  }

  /** The run's own work has stalled this gateway once more. Returns how often it did so in all. */
  stalledAgain(): number {
    this.#stallsHere += 1;
    return this.stalls;
  }

  /** The seq of the last fact that the store is known to have committed. */
  get committedSeq(): number {
    return this.#held?.state.run.seq ?? this.#params.claimed.lastSeq;
  }

  /** Whether a bell rang for this run since its inbox was last read. */
  get wasRung(): boolean {
    return this.#signals.isInboxStale;
  }

  /** A bell rang for this run. */
  rang(): void {
    this.#signals.inboxChanged();
  }

  /** The gateway is stopping. */
  leave(how: "when_idle" | "now"): void {
    this.#signals.leave(how);
  }

  onInbox(count: number): void {
    if (this.#held !== null && count > this.#held.inbox.count) this.#signals.inboxChanged();
  }

  onLost(why: "fenced" | "stale"): void {
    if (why === "fenced" && this.#isReleasing) return; // 6.
    this.#effects.stopAll(); // 5.
    this.#held?.writer.drop();
    this.#signals.lose(why);
  }

  /** Advances the run until the lease is gone, in whatever way. Throws only for a bug. */
  async hold(): Promise<HoldEnd> {
    let end: HoldEnd | null = null;
    try {
      end = await this.#advance();
      if (end.kind === "gave_up" && this.#isStuck) end = { kind: "stuck" };
      return end;
    } finally {
      this.#effects.stopAll();
      this.#room.leave();
      // 5. Only a holder that returned its lease by a commit may publish to the end.
      if (end?.kind !== "released") this.#held?.writer.drop();
    }
  }

  /** Resolves when aborted effects have settled and events are published. */
  async settle(): Promise<void> {
    await this.#effects.settle();
    await this.#held?.writer.close();
  }

  async #advance(): Promise<HoldEnd> {
    const { deps, claimed, now, stallWatch } = this.#params;
    const { tenantId, runId, epoch, lost, lastSeq } = claimed;
    const loaded = await this.#ask(async () =>
      lightened(await deps.store.loadRun({ tenantId, runId, epoch }), lastSeq),
    );
    if (loaded.kind !== "answered") return loaded;
    const run = loaded.value;
    const record = await readRecord({
      runId,
      loaded: run,
      lastSeq,
      room: this.#room,
      readFacts: (afterSeq) => this.#ask(() => deps.store.readFacts({ tenantId, runId, afterSeq })),
      beforeFold: () => stallWatch.seen(),
      afterFold: () => stallWatch.ran(this.#lease),
    });
    if (record.kind !== "answered") return record;
    chargeRecords(deps.turns, tenantId, run.facts);
    const held = this.#open(run, record.value);
    this.#held = held;
    this.#signals.report({ kind: "claimed", epoch, lost, historyRunIds: run.earlierRunIds });
    while (true) {
      const end = (await this.#round(held)) ?? this.#lostEnd();
      if (end !== null) return end;
      const { writer, history } = held;
      const onRan = (): void => stallWatch.ran(this.#lease);
      this.#effects.reconcile(dueEffects(held.state, { tenantId, deps, writer, history, onRan })); // 4.
      const deadline = this.#signals.leaving === "no" ? nextDeadlineOf(held.state) : null;
      await this.#signals.next(deadline === null ? null : Math.min(Math.max(1, deadline - now()), LOOK_AGAIN_MS_MAX));
      const lostEnd = this.#lostEnd();
      if (lostEnd !== null) return lostEnd;
    }
  }

  #lostEnd(): HoldEnd | null {
    const { lost } = this.#signals;
    return lost === null ? null : { kind: lost === "fenced" ? "fenced" : "gave_up" };
  }

  #open(loaded: LoadedRun, record: FoldedRecord): HeldRun {
    const { deps, batcher, claimed, now } = this.#params;
    const { tenantId } = claimed;
    const writer = new RunWriter({
      deps,
      batcher,
      claim: claimed,
      position: loaded.lastPosition,
      lastFact: loaded.facts.at(-1) ?? null,
      now,
      mayPublish: () => this.#lease.isGood(),
      onStale: () => this.onLost("stale"),
      onBug: (error) => this.#signals.fail(error),
    });
    const history = new ThreadHistory({
      load: async (wanted) => {
        const hasRoom = await this.#room.reserve(PAGE_ROOM_BYTES);
        const read = hasRoom ? await this.#ask(() => deps.store.loadHistory({ tenantId, ...wanted })) : null;
        if (read?.kind === "answered") return read.value;
        // The step can report nothing any more, so the run is given up. A renewal on its way may still find the lease
        // good, and the holder would wait for ever.
        this.onLost("stale");
        return null;
      },
      onRead: (bytes) => this.#room.has("thread", bytes),
    });
    return new HeldRun({ record, loaded, writer, history });
  }

  /** Looks at everything at hand, once. Returns null while the lease is ours. */
  async #round(held: HeldRun): Promise<HoldEnd | null> {
    const { claimed, now } = this.#params;
    let reports: readonly RunInput[] = this.#signals.takeReports().filter((report) => mayTell(held.state, report)); // 4.
    while (true) {
      // One time for both: what is overdue when the round is planned has been asked for.
      const at = now();
      const isStale = this.#signals.takeInboxStale() || held.mustReadInbox;
      if (isStale || needsDispatchContext(held.state, reports, at)) {
        const read = await this.#ask(() => this.#params.deps.store.readInbox(claimed));
        if (read.kind !== "answered") return read;
        held.read(read.value);
      }
      const { leaving } = this.#signals;
      if (held.state.phase === "stepping") {
        const isCanceled = held.inbox.inputs.some(({ input }) => input.kind === "cancel");
        const isOver = leaving === "no" && isOutOfTime(held.state, at);
        if (reports.length === 0 && leaving !== "now" && !isCanceled && !isOver) {
          held.forgetInputs();
          return null;
        }
        this.#effects.stop(stepKey(held.state.seq));
        held.writer.closeStep();
      }
      const { state, recordBytes, writer, inbox, dispatchContext } = held;
      const { epoch } = claimed;
      const partial = writer.stepText;
      this.#params.stallWatch.seen();
      const round = planRound({
        state,
        recordBytes,
        epoch,
        reports,
        inbox,
        dispatchContext,
        partial,
        leaving,
        now: at,
      });
      this.#params.stallWatch.ran(this.#lease);
      if (round.facts.length === 0 && round.consumed.length === 0 && round.release === null) return null;
      // 5. The deltas that the facts name were dropped with the lease: without them the record would have a hole.
      if (this.#signals.lost !== null) return this.#lostEnd();

      const end = await this.#commit(held, round);
      switch (end) {
        case "committed":
          break;
        case "inputs_waiting":
          this.#signals.inboxChanged();
          continue; // 2.
        case "fenced":
        case "gave_up":
          return { kind: end };
        default:
          return end satisfies never;
      }
      if (round.release !== null) return { kind: "released", wakeAt: round.release.wakeAt };
      if (!round.more) return null;
      reports = [];
      this.#signals.inboxChanged();
    }
  }

  async #commit(held: HeldRun, round: Round): Promise<Exclude<CommitEnd, "store_behind">> {
    const { deps, claimed } = this.#params;
    const { tag } = deps.generation.present;
    this.#isReleasing = round.release !== null;
    const end = await commitRound({
      gatewayId: deps.gatewayId,
      claim: claimed,
      afterSeq: held.state.run.seq,
      decision: round,
      writer: held.writer,
      send: async (commit) => {
        chargeRecords(deps.turns, commit.tenantId, commit.facts);
        const outcome = await this.#ask(() => deps.store.commit(commit)); // 3.
        return outcome.kind === "answered" ? outcome.value : outcome;
      },
      bell: deps.bell,
    });
    if (end !== "committed") {
      this.#isReleasing = false;
      if (end !== "store_behind") return end;
      deps.generation.report(tag, "a run lacks facts that its holder had committed");
      return "fenced";
    }
    this.#hasProgressed ||= showsProgress(round.facts);
    held.committed(round); // 2.
    this.#room.has("record", held.recordBytes);
    return end;
  }

  async #ask<T>(statement: () => Promise<T | null>): Promise<Asked<T>> {
    const { deps, answers } = this.#params;
    const { clock, leaseDurationMs } = deps;
    const asked = await askWhileLeased(statement, { lease: this.#lease, clock, leaseDurationMs, answers });
    if (asked.kind !== "stuck") return asked;
    this.#isStuck = true;
    return { kind: "gave_up" };
  }
}
