/**
 * A holder advances one claimed run, alone, for as long as it has the lease.
 *
 * 1. A round is: read what has come, decide, commit, publish, perform. In this order (R3), and then wait for a signal.
 * 2. Only a commit that is known to be written moves the state on. A refused one is planned again from the state
 *    before.
 * 3. A commit whose outcome is unknown is repeated as it is, and nothing else is tried meanwhile.
 * 4. Only what the committed state calls for is performed (R4). What an effect reports too late is dropped (R7).
 * 5. With the lease everything stops: effects are aborted, nothing more is published, nothing more is committed.
 * 6. The model is asked while the commit that opens its step is in flight. Nothing of the answer is shown or told
 *    before that is known to be written (R3). If it was refused, the request is aborted. Inputs that come again and
 *    again must not cost a request each, so the model is not asked ahead after a refusal.
 * 7. While a commit that returns the lease is in flight, its own outcome alone says what became of the lease. To a
 *    renewal the lease looks lost as soon as that commit is written.
 * 8. It may also be asked while the answer of a call is in flight that is foreseen to open the step (`answer.ts`). That
 *    counts only if the first round says the same once the answer is accepted. Otherwise the request is aborted.
 */
import { isDeepStrictEqual } from "node:util";
import { nextDeadlineOf } from "../core/deadline.ts";
import { mayTell } from "../core/decide.ts";
import type { KnownAgent, RunInput } from "../core/input.ts";
import { RECOVERIES_MAX } from "../core/limits.ts";
import { isOutOfTime } from "../core/reached-limit.ts";
import { neededAgents } from "../core/needed-agents.ts";
import { needsDispatchContext } from "../core/needs-dispatch-context.ts";
import { showsProgress } from "../core/shows-progress.ts";
import type { RunState } from "../core/run-state.ts";
import type { DispatchContext, Inbox } from "../ports/fleet-store.ts";
import { type Asked, askWhileLeased } from "./ask-while-leased.ts";
import type { Born } from "./born.ts";
import { type CommitEnd, commitRound } from "./commit-round.ts";
import { EffectsInFlight } from "./effects-in-flight.ts";
import type { HoldEnd } from "./hold-end.ts";
import type { HolderParams } from "./holder-params.ts";
import { HeldRun, type OpenedRun } from "./held-run.ts";
import { HolderSignals } from "./holder-signals.ts";
import type { KeptLease, Lease, LeaseListener } from "./lease-keeper.ts";
import { LAST_CHANCE_WATCH_MS, LOOK_AGAIN_MS_MAX, PAGE_ROOM_BYTES } from "./limits.ts";
import { chargeRecords } from "../runtime/charge-bytes.ts";
import { dueEffects, stepKey } from "./perform/due-effects.ts";
import { ThreadHistory } from "./perform/thread-history.ts";
import type { ParkedRun } from "./parked-runs.ts";
import { opensStep, planRound, type Round } from "./plan-round.ts";
import { type AskStore, readClaimedRun } from "./read-claimed-run.ts";
import type { FoldedRecord } from "./read-record.ts";
import type { RunRoom } from "./record-room.ts";
import { RunWriter } from "./run-writer.ts";

/** Where devices are is read before it matters. */
const NOWHERE: DispatchContext = { devices: {}, dispatches: {} };

export class RunHolder implements LeaseListener {
  readonly #params: HolderParams;
  readonly #signals: HolderSignals;
  readonly #lease: KeptLease;
  readonly #effects: EffectsInFlight;
  readonly #room: RunRoom;
  #held: HeldRun | null = null;
  #stallsHere = 0;
  /** A commit that returns the lease is in flight, or was written (7.). */
  #isReleasing = false;
  #hasProgressed = false;
  #isStuck = false;
  /** What the model was asked for before its cause was accepted (8.); null: nothing. */
  #foreseen: Round | null = null;

  constructor(params: HolderParams) {
    const { deps, keeper, claimed, sentAt, born, foreseen } = params;
    this.#params = params;
    this.#signals = new HolderSignals(deps.clock);
    this.#effects = new EffectsInFlight({
      onReport: (report) => this.#signals.report(report),
      onBug: (error) => this.#signals.fail(error),
    });
    this.#room = params.recordRoom.open(claimed.tenantId);
    this.#lease = keeper.expect({ claim: claimed, sentAt, listener: this });
    if (born !== undefined) this.#held = this.#open(born.loaded, born.record);
    else if (foreseen !== undefined) this.#held = this.#remembered();
    else keeper.keep(this.#lease);
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

  /** Whether the run was born under this holder. */
  get isBorn(): boolean {
    return this.#params.born !== undefined;
  }

  /** The statement that brings the run is on its way: the model may be asked (6., 8.). */
  expect(round: Round): void {
    // What came before the timer is not this run's.
    this.#params.stallWatch.seen();
    if (this.#held === null) return;
    this.#askAhead(this.#held, round);
    if (!this.isBorn) this.#foreseen = round;
  }

  /** The run was taken with this inbox, and `hold` may follow. */
  wasAnswered(inbox: Inbox): void {
    const held = this.#held;
    if (held === null) return;
    held.read({ inbox, dispatchContext: NOWHERE });
    this.#params.keeper.keep(this.#lease);
    this.#claimed([]);
  }

  /** The run was born, and `hold` may follow. */
  wasBorn({ loaded, round, records, generation }: Born): void {
    const held = this.#held;
    if (held === null) return;
    const { deps, keeper, claimed } = this.#params;
    keeper.keep(this.#lease);
    // The answer came so late that the run was lost, and claimed again here.
    if (this.#signals.lost !== null) return;
    const { tenantId, runId } = claimed;
    deps.localFeed.born({ tenantId, runId, generation, facts: [...loaded.facts, ...records] });
    held.writer.publish(records);
    this.#hasCommitted(held, round);
  }

  /** The run did not come under this holder. Resolves when nothing of it is under way any more. */
  async wasNotTaken(): Promise<void> {
    this.#abandonAhead();
    this.#room.leave();
    await this.settle();
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
    if (why === "fenced" && this.#isReleasing) return; // 7.
    this.#params.deps.localFeed.left(this.#params.claimed.runId);
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
      this.#params.deps.localFeed.left(this.#params.claimed.runId);
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
    const { now } = this.#params;
    const opened = this.#held ?? this.#recall() ?? (await this.#load());
    if ("kind" in opened) return opened;
    const held = opened;
    while (true) {
      const end = (await this.#round(held)) ?? this.#lostEnd();
      if (end !== null) return end;
      // What came beside the answer to the commit is not this run's.
      this.#params.stallWatch.seen();
      this.#effects.reconcile(this.#dueEffects(held, held.state)); // 4.
      const deadline = this.#signals.leaving === "no" ? nextDeadlineOf(held.state) : null;
      await this.#signals.next(deadline === null ? null : Math.min(Math.max(1, deadline - now()), LOOK_AGAIN_MS_MAX));
      const lostEnd = this.#lostEnd();
      if (lostEnd !== null) return lostEnd;
    }
  }

  /** Opens a claimed run from what is remembered of it; null: nothing is. */
  #recall(): HeldRun | null {
    const held = this.#remembered();
    return held === null ? null : this.#opened(held, []);
  }

  #remembered(): HeldRun | null {
    const { parked = null, inbox } = this.#params;
    if (parked === null || inbox === undefined) return null;
    const { record, lastFact, lastPosition } = parked;
    this.#room.has("record", record.bytes);
    const facts = lastFact === null ? [] : [lastFact];
    // Where devices are is read before it matters (`needsDispatchContext`), and with the inbox.
    return this.#open({ facts, lastPosition, inbox, dispatchContext: NOWHERE }, record);
  }

  /** What is to be remembered of a run that was parked; null: it was not. */
  get parked(): ParkedRun | null {
    const parked = this.#held?.parkedBy(this.#lease) ?? null;
    if (parked === null) return null;
    const { claimed, now } = this.#params;
    return { ...parked, recoveries: this.#hasProgressed ? 0 : claimed.recoveries, stalls: this.stalls, now };
  }

  /** Reads a claimed run. */
  async #load(): Promise<HeldRun | HoldEnd> {
    const { deps, claimed, stallWatch } = this.#params;
    const ask: AskStore = (statement) => this.#ask(statement);
    const lease = this.#lease;
    const read = await readClaimedRun({ deps, claimed, lease, room: this.#room, stallWatch, ask });
    if (read.kind !== "answered") return read;
    const { run, record } = read.value;
    return this.#opened(this.#open(run, record), run.earlierRunIds);
  }

  #opened(held: HeldRun, historyRunIds: readonly string[]): HeldRun {
    this.#held = held;
    this.#claimed(historyRunIds);
    return held;
  }

  #claimed(historyRunIds: readonly string[]): void {
    const { epoch, lost } = this.#params.claimed;
    this.#signals.report({ kind: "claimed", epoch, lost, historyRunIds });
  }

  #dueEffects(held: HeldRun, state: RunState): ReturnType<typeof dueEffects> {
    const { deps, claimed, stallWatch } = this.#params;
    const { writer, history } = held;
    const onRan = (): void => stallWatch.ran(this.#lease);
    return dueEffects(state, { tenantId: claimed.tenantId, deps, writer, history, onRan });
  }

  #lostEnd(): HoldEnd | null {
    const { lost } = this.#signals;
    return lost === null ? null : { kind: lost === "fenced" ? "fenced" : "gave_up" };
  }

  #open(loaded: OpenedRun, record: FoldedRecord): HeldRun {
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
    let agents: Readonly<Record<string, KnownAgent>> = {};
    let mayAskAhead = true;
    while (true) {
      // One time for both: what is overdue when the round is planned has been asked for.
      const at = now();
      const isStale = this.#signals.takeInboxStale() || held.mustReadInbox;
      if (isStale || needsDispatchContext(held.state, reports, at)) {
        const read = await this.#ask(() => this.#params.deps.store.readInbox(claimed));
        if (read.kind !== "answered") return read;
        held.read(read.value);
      }
      const names = neededAgents(held.state, reports);
      if (names.length > 0) {
        const { deps } = this.#params;
        const read = await this.#ask(() => deps.store.readAgents({ tenantId: claimed.tenantId, names }));
        if (read.kind !== "answered") return read;
        agents = read.value;
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
        agents,
        partial,
        leaving,
        now: at,
      });
      this.#params.stallWatch.ran(this.#lease);
      this.#compare(round);
      if (round.facts.length === 0 && round.consumed.length === 0 && round.release === null) return null;
      // 5. The deltas that the facts name were dropped with the lease: without them the record would have a hole.
      if (this.#signals.lost !== null) return this.#lostEnd();

      const end = await this.#commit(held, round, mayAskAhead);
      switch (end) {
        case "committed":
          break;
        case "inputs_waiting":
          mayAskAhead = false; // 6.
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

  async #commit(held: HeldRun, round: Round, mayAskAhead: boolean): Promise<Exclude<CommitEnd, "store_behind">> {
    const { deps, claimed } = this.#params;
    const { tag } = deps.generation.present;
    this.#isReleasing = round.release !== null;
    if (this.#isReleasing) deps.localFeed.left(claimed.runId);
    const end = await commitRound({
      gatewayId: deps.gatewayId,
      claim: claimed,
      afterSeq: held.state.run.seq,
      decision: round,
      writer: held.writer,
      send: async (commit) => {
        chargeRecords(deps.turns, commit.tenantId, commit.facts);
        const asked = this.#ask(() => deps.store.commit(commit)); // 3.
        if (mayAskAhead) this.#askAhead(held, round);
        const outcome = await asked;
        return outcome.kind === "answered" ? outcome.value : outcome;
      },
      bell: deps.bell,
    });
    if (end !== "committed") {
      this.#abandonAhead();
      this.#isReleasing = false;
      if (end !== "store_behind") return end;
      deps.generation.report(tag, "a run lacks facts that its holder had committed");
      return "fenced";
    }
    this.#hasCommitted(held, round);
    return end;
  }

  #hasCommitted(held: HeldRun, round: Round): void {
    this.#hasProgressed ||= showsProgress(round.facts);
    held.committed(round); // 2.
    this.#room.has("record", held.recordBytes);
  }

  /** Asks the model for the step that this round opens, if it opens one (6.). */
  #askAhead(held: HeldRun, round: Round): void {
    if (!opensStep(round) || this.#signals.lost !== null) return;
    const { seq } = round.state.run;
    const perform = this.#dueEffects(held, round.state).get(stepKey(seq));
    // It was asked for before its cause was accepted.
    if (perform === undefined || this.#effects.isAhead(stepKey(seq))) return;
    held.writer.expectStep();
    this.#effects.beginAhead(stepKey(seq), perform);
  }

  /** 8. */
  #compare(round: Round): void {
    if (this.#foreseen !== null && !isDeepStrictEqual(this.#foreseen.facts, round.facts)) this.#abandonAhead();
    this.#foreseen = null;
  }

  /** What was asked ahead is forgotten: its commit was not written. */
  #abandonAhead(): void {
    this.#effects.abandonAhead();
    this.#held?.writer.abandonAhead();
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
