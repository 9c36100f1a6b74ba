import { type Message, targetOf } from "@hsafa/protocol";
import { mayTell } from "../core/decide.ts";
import { effectsOf, nextDeadlineOf } from "../core/effects.ts";
import { parseFact } from "../core/event-record.ts";
import { evolve, initialState } from "../core/evolve.ts";
import type { RunInput } from "../core/input.ts";
import { LAST_CHANCE_WATCH_MS } from "./limits.ts";
import { RECOVERIES_MAX } from "../core/limits.ts";
import { showsProgress } from "../core/progress.ts";
import { projectCalls, projectRun } from "../core/projection.ts";
import { openCallsOf, type RunState } from "../core/state.ts";
import { conversationOf, threadMessagesOf } from "../core/transcript.ts";
import type { ClaimedRun, Commit, Inbox, LoadedRun, DispatchContext } from "../ports/fleet-store.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { HolderSignals } from "./holder-signals.ts";
import type { DeltaBatcher } from "./delta-batcher.ts";
import type { Lease, LeaseKeeper, LeaseListener } from "./lease-keeper.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { pause, storeBackoffMs } from "./pause.ts";
import { type PerformEffect, EffectsInFlight } from "./effects-in-flight.ts";
import { callModel } from "./perform/call-model.ts";
import { runServerTool } from "./perform/run-server-tool.ts";
import { placeFacts } from "../core/place-facts.ts";
import { planRound, type Round } from "./plan-round.ts";
import { ringAfterCommit } from "./ring-after-commit.ts";
import { RunWriter } from "./run-writer.ts";

export interface HolderParams {
  readonly deps: EngineDeps;
  readonly keeper: LeaseKeeper;
  readonly batcher: DeltaBatcher;
  readonly claimed: ClaimedRun;
  /** When the claim was sent, by the monotonic clock. */
  readonly sentAt: number;
  /** The database's time, in ms. */
  readonly now: () => number;
}

/** How a holder came to be done with a run. */
export type HoldEnd =
  /** The lease went back with a commit. `wakeAt`: when the run is due again, in ms; null: not by time. */
  | { readonly kind: "released"; readonly wakeAt: number | null }
  /** Another holder has the run. */
  | { readonly kind: "fenced" }
  /** The store was away too long to go on: the lease is to be handed back when it answers. */
  | { readonly kind: "gave_up" };

/**
 * One holder advances one claimed run, alone, for as long as it has the lease.
 *
 * A round is: read what has come, decide, commit, publish, perform - in that order (R3) - and wait for whatever calls
 * next. Only the outcome of a commit moves the state on, so a refused one is planned again from the state before. The
 * holder never retries what is unknown otherwise than by repeating the same commit, and it performs only what the
 * committed state calls for (R4).
 */
export class RunHolder implements LeaseListener {
  readonly #params: HolderParams;
  readonly #attention: HolderSignals;
  readonly #lease: Lease;
  readonly #performances: EffectsInFlight;
  #held: Held | null = null;
  /** A commit that gives the lease back is in flight, or has done so: its own answer tells what became of the lease. */
  #isReleasing = false;
  #gotFurther = false;

  constructor(params: HolderParams) {
    const { deps, keeper, claimed, sentAt } = params;
    this.#params = params;
    this.#attention = new HolderSignals(deps.clock);
    this.#performances = new EffectsInFlight({
      onReport: (report) => this.#attention.report(report),
      onBug: (error) => this.#attention.fail(error),
    });
    this.#lease = keeper.hold({ claim: claimed, sentAt, listener: this });
  }

  get lease(): Lease {
    return this.#lease;
  }

  /** Whether one more lost lease would end this run, and it may be what costs them. */
  get isOnLastChance(): boolean {
    const { deps, claimed, sentAt } = this.#params;
    const isWatched = deps.clock.monotonic() < sentAt + LAST_CHANCE_WATCH_MS;
    return claimed.recoveries === RECOVERIES_MAX && !this.#gotFurther && isWatched;
  }

  /** Whether somebody rang since the inbox was last read. */
  get isCalled(): boolean {
    return this.#attention.isInboxStale;
  }

  /** Somebody rang for this run. */
  rang(): void {
    this.#attention.inboxChanged();
  }

  /** The gateway is going away. */
  leave(how: "when_idle" | "now"): void {
    this.#attention.leave(how);
  }

  onInbox(count: number): void {
    if (this.#held !== null && count > this.#held.inbox.count) this.#attention.inboxChanged();
  }

  onLost(why: "fenced" | "stale"): void {
    if (why === "fenced" && this.#isReleasing) return;
    this.#performances.stopAll();
    this.#held?.writer.drop();
    this.#attention.lose(why);
  }

  /** Advances the run until the lease is gone, whichever way. Throws only for a bug. */
  async hold(): Promise<HoldEnd> {
    let end: HoldEnd | null = null;
    try {
      end = await this.#advance();
      return end;
    } finally {
      this.#performances.stopAll();
      // Only a holder that was never in doubt publishes to the end.
      if (end?.kind !== "released") this.#held?.writer.drop();
    }
  }

  /** Waits for what was begun: aborted effects to settle, events to be published. */
  async settle(): Promise<void> {
    await this.#performances.settle();
    await this.#held?.writer.close();
  }

  async #advance(): Promise<HoldEnd> {
    const { deps, claimed, now } = this.#params;
    const { tenantId, runId, epoch, lost } = claimed;
    const loaded = await this.#ask(() => deps.store.loadRun({ tenantId, runId, epoch }));
    if (loaded === GAVE_UP) return { kind: "gave_up" };
    if (loaded === null) return { kind: "fenced" };
    const held = this.#take(loaded);
    this.#held = held;
    this.#attention.report({ kind: "claimed", epoch, lost, historyRunIds: loaded.earlierRunIds });
    while (true) {
      const end = (await this.#round(held)) ?? this.#lostEnd();
      if (end !== null) return end;
      this.#performances.reconcile(this.#due(held));
      const deadline = this.#attention.leaving === "no" ? nextDeadlineOf(held.state) : null;
      await this.#attention.next(deadline === null ? null : Math.max(1, deadline - now()));
      const lostEnd = this.#lostEnd();
      if (lostEnd !== null) return lostEnd;
    }
  }

  #lostEnd(): HoldEnd | null {
    const { lost } = this.#attention;
    return lost === null ? null : { kind: lost === "fenced" ? "fenced" : "gave_up" };
  }

  #take(loaded: LoadedRun): Held {
    const { deps, batcher, claimed, now } = this.#params;
    const { config, deviceKey, facts, lastPosition, inbox, dispatchContext } = loaded;
    const { liveLog, localFeed, clock } = deps;
    let state = initialState({ runId: claimed.runId, config, deviceKey });
    for (const record of facts) state = evolve(state, parseFact(record), record.ts);
    const writer = new RunWriter({
      claim: claimed,
      position: lastPosition,
      liveLog,
      localFeed,
      batcher,
      clock,
      now,
      mayPublish: () => this.#lease.isGood(),
      onStale: () => this.onLost("stale"),
      onBug: (error) => this.#attention.fail(error),
    });
    return { state, writer, inbox, dispatchContext, history: null };
  }

  /** Looks at everything at hand, once; null: the lease is still ours. */
  async #round(held: Held): Promise<HoldEnd | null> {
    const { claimed, now } = this.#params;
    // What a performance reports after its call was settled otherwise is too late (R7).
    let reports = this.#attention.takeReports().filter((report) => mayTell(held.state, report));
    while (true) {
      // One time for both: what is overdue when the round is planned has been asked for.
      const at = now();
      if (this.#attention.takeInboxStale() || needsDispatchContext(held.state, reports, at)) {
        const read = await this.#ask(() => this.#params.deps.store.readInbox(claimed));
        if (read === GAVE_UP) return { kind: "gave_up" };
        if (read === null) return { kind: "fenced" };
        held.inbox = read.inbox;
        held.dispatchContext = read.dispatchContext;
      }
      const { leaving } = this.#attention;
      if (held.state.phase === "stepping") {
        const isCanceled = held.inbox.inputs.some(({ input }) => input.kind === "cancel");
        if (reports.length === 0 && leaving !== "now" && !isCanceled) return null;
        this.#performances.stop(stepKey(held.state.seq));
        held.writer.closeStep();
      }
      const { state, writer, inbox, dispatchContext } = held;
      const partial = writer.stepText;
      const { epoch } = claimed;
      const round = planRound({ state, epoch, reports, inbox, dispatchContext, partial, leaving, now: at });
      if (round.facts.length === 0 && round.consumed.length === 0 && round.release === null) return null;
      // The deltas that the facts name were dropped with the lease: a commit without them would leave a hole in the
      // record.
      if (this.#attention.lost !== null) return this.#lostEnd();

      const outcome = await this.#commit(held, round);
      switch (outcome) {
        case "committed":
          break;
        case "inputs_waiting":
          this.#attention.inboxChanged();
          continue;
        case "fenced":
          return { kind: "fenced" };
        case GAVE_UP:
          return { kind: "gave_up" };
        default:
          return outcome satisfies never;
      }
      if (round.release !== null) return { kind: "released", wakeAt: round.release.wakeAt };
      if (!round.more) return null;
      reports = [];
      this.#attention.inboxChanged();
    }
  }

  /** Commits a round, and publishes it. The state moves on only when the commit is known to be written. */
  async #commit(held: Held, round: Round): Promise<"committed" | "inputs_waiting" | "fenced" | typeof GAVE_UP> {
    const { deps, claimed } = this.#params;
    const { tenantId, runId, epoch } = claimed;
    const { state, facts, at, consumed, release, inboxMustBe } = round;
    const records = placeFacts({ facts, afterSeq: held.state.run.seq, prev: held.writer.position, ts: at });
    const calls = projectCalls(state, facts);
    const commit: Commit = {
      tenantId,
      runId,
      epoch,
      afterSeq: held.state.run.seq,
      facts: records,
      deltas: held.writer.unacknowledged,
      run: projectRun(state),
      calls,
      progress: showsProgress(facts),
      consumed,
      inboxMustBe,
      lease: release === null ? { kind: "keep" } : { kind: "release", wakeAt: release.wakeAt },
    };
    this.#isReleasing = release !== null;
    const outcome = await this.#ask(() => deps.store.commit(commit));
    if (outcome === GAVE_UP || outcome.kind !== "committed") {
      this.#isReleasing = false;
      return outcome === GAVE_UP ? GAVE_UP : outcome.kind;
    }

    this.#gotFurther ||= commit.progress;
    held.state = state;
    held.inbox = {
      count: held.inbox.count - consumed.length,
      inputs: held.inbox.inputs.filter(({ inputId }) => !consumed.includes(inputId)),
    };
    held.writer.publish(records);
    ringAfterCommit({ bell: deps.bell, tenantId, calls, wakes: outcome.wakes });
    return "committed";
  }

  /** What the committed state calls for (R4). */
  #due(held: Held): ReadonlyMap<string, PerformEffect> {
    const { serverTools } = this.#params.deps;
    const { state } = held;
    const due = new Map<string, PerformEffect>();
    for (const effect of effectsOf(state)) {
      switch (effect.kind) {
        case "call_model":
          due.set(stepKey(effect.seq), (signal) => this.#callModel(held, effect, signal));
          break;
        case "perform_tool": {
          const { call, attempt } = effect;
          const { runId } = state.run;
          const perform: PerformEffect = (signal) => runServerTool({ serverTools, runId, call, attempt, signal });
          due.set(`tool:${call.callId}:${attempt}`, perform);
          break;
        }
        case "wait":
          throw new Error("A run that only waits is never held.");
        default:
          effect satisfies never;
      }
    }
    return due;
  }

  async #callModel(
    held: Held,
    { step, seq }: { readonly step: number; readonly seq: number },
    signal: AbortSignal,
  ): Promise<RunInput | null> {
    const { model, schemas, clock } = this.#params.deps;
    const { state, writer } = held;
    writer.openStep(step, seq);
    const history = await this.#history(held);
    // Whoever gives up a performance gives up the run: a renewal on its way may find the lease good yet, and nothing
    // would ever be reported of this step.
    if (history === GAVE_UP) this.onLost("stale");
    if (history === GAVE_UP || signal.aborted) return null;
    return callModel({
      model,
      schemas,
      clock,
      config: state.run.config,
      messages: conversationOf(state.run.transcript, history),
      signal,
      waitForCapacity: () => writer.waitForCapacity(),
      onPart: (part) => writer.write(part),
    });
  }

  /** The messages of the thread's earlier runs, read once for all steps of this holder. */
  async #history(held: Held): Promise<readonly Message[] | typeof GAVE_UP> {
    if (held.history !== null) return held.history;
    const { historyRunIds } = held.state.run;
    if (historyRunIds.length === 0) return (held.history = []);
    const { deps, claimed } = this.#params;
    const runs = await this.#ask(() => deps.store.loadFacts({ tenantId: claimed.tenantId, runIds: historyRunIds }));
    if (runs === GAVE_UP) return GAVE_UP;
    held.history = historyRunIds.flatMap((runId) =>
      threadMessagesOf((runs.get(runId) ?? []).map(parseFact)).map((entry) => entry.message),
    );
    return held.history;
  }

  /** Repeats a statement while the store is away, for as long as the lease is good. */
  async #ask<T>(statement: () => Promise<T>): Promise<T | typeof GAVE_UP> {
    const { clock } = this.#params.deps;
    for (let failures = 1; ; failures++) {
      try {
        return await statement();
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        if (!this.#lease.isGood()) return GAVE_UP;
        await pause(clock, storeBackoffMs(clock, failures));
      }
    }
  }
}

const GAVE_UP = "gave_up";

/** What a holder has of its run. */
interface Held {
  state: RunState;
  readonly writer: RunWriter;
  /** As last read, less what commits have consumed since. */
  inbox: Inbox;
  dispatchContext: DispatchContext;
  history: readonly Message[] | null;
}

function stepKey(seq: number): string {
  return `step:${seq}`;
}

/** Whether `proceed` will ask where devices stand, which may have changed since the inbox was read. */
function needsDispatchContext(state: RunState, reports: readonly RunInput[], now: number): boolean {
  const isForDevice = (toolName: string): boolean => {
    const tool = state.run.config.tools.find((candidate) => candidate.name === toolName);
    return tool !== undefined && (targetOf(tool) === "device" || targetOf(tool) === "browser");
  };
  const requests = reports.some(
    (report) => report.kind === "step_finished" && report.calls.some((call) => isForDevice(call.toolName)),
  );
  return (
    requests ||
    openCallsOf(state.run).some(
      ({ toolName, phase }) =>
        phase.kind === "dispatched" &&
        phase.dispatch.deadline !== null &&
        phase.dispatch.deadline <= now &&
        isForDevice(toolName),
    )
  );
}
