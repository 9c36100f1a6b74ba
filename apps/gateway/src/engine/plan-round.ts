/**
 * Decides one round of a run from everything at hand. Pure: a refused commit is planned again from the state before.
 *
 * 1. A cancel wins: a client that was told that its cancel is accepted finds no run that failed in that very moment. So
 *    a step's failure is not told while a cancel waits.
 * 2. Results first: a client that was told that its result is accepted finds it in the log (R7). So neither a cancel
 *    nor the loss of the device settles the call, although it came earlier.
 * 3. Nothing unread is closed: while a result waits that was not read, nothing settles a call without it. While any
 *    input waits that was not read, the run does not proceed. A cancel does not wait for messages, so that it takes
 *    effect at once however many there are. Nor does the end of a run's time while a step is open.
 * 4. Nothing slips by (R6). A round that settles a call without its result, or that parks or ends the run, must have
 *    seen every input that could change that. It is committed only while no other waits than those that it counted.
 * 5. A round that leaves no trace but fewer inputs is committed only while they wait. If it is sent twice, they must
 *    not be counted off twice.
 * 6. A holder that leaves does not let the run proceed, so the run may be due for more than it seems to wait for. The
 *    next holder looks at once (R6).
 * 7. A run whose record is full reads no more messages, but ends. Results that wait are told first.
 * 8. A run that ends takes no other run's messages, since it could not answer them. While a cancel waits, and if the
 *    round ends the run, they stay with the run that they came with.
 * 9. A round that begins a step must have seen every input: what was accepted before is before the model then.
 */
import type { Fact } from "@hsafa/protocol";
import { decide, mayTell } from "../core/decide.ts";
import { effectsOf } from "../core/effects.ts";
import { evolve } from "../core/evolve.ts";
import { type ToldParent, toldParent, treeUsage } from "../core/told-parent.ts";
import type { KnownAgent, RunInput } from "../core/input.ts";
import { mergedEnd, type MergedRun } from "../core/merged-end.ts";
import { type NewChild, newChild } from "../core/new-child.ts";
import { projectCalls, projectRun } from "../core/projection.ts";
import { isRecordFull } from "../core/record-size.ts";
import { childAgentOf, type RunState } from "../core/run-state.ts";
import { isSettling } from "../core/settling-fact.ts";
import { withheldBelow } from "../core/withheld-below.ts";
import type { DispatchContext, Inbox, PendingInput } from "../ports/fleet-store.ts";
import type { Decision } from "./commit-round.ts";

/** What a holder knows when it plans a round. */
export interface RoundParams {
  readonly state: RunState;
  /** The bytes of the record that made this state. */
  readonly recordBytes: number;
  readonly epoch: number;
  /** What the holder learnt by itself, in order: its claim, the end of a step, results of server tools. */
  readonly reports: readonly RunInput[];
  readonly inbox: Inbox;
  readonly dispatchContext: DispatchContext;
  /** The agents that calls may start as children (`core/needed-agents.ts`). */
  readonly agents: Readonly<Record<string, KnownAgent>>;
  /** The text of the step in progress, which a cancel keeps. */
  readonly partial: string;
  /**
   * Whether the gateway is stopping. `when_idle`: finish what is under way, begin nothing. `now`: close what is open.
   */
  readonly leaving: "no" | "when_idle" | "now";
  /** The database's time, in ms. */
  readonly now: number;
}

/** One round. Of its inputs `consumed` names those that were told; when the run ends, the store consumes the rest. */
export interface Round extends Decision {
  readonly state: RunState;
  /** Whether more inputs wait than were read: the next round reads them before the run proceeds. */
  readonly more: boolean;
}

export function planRound(params: RoundParams): Round {
  const round = planWith(params, true);
  return round.merges.length > 0 && round.state.phase === "ended" ? planWith(params, false) : round; // 8.
}

/** Whether a step is open after this round that was not before. */
export function opensStep({ state, facts }: Pick<Round, "state" | "facts">): boolean {
  return state.phase === "stepping" && facts.at(-1)?.type === "step.started";
}

function planWith(params: RoundParams, mayMerge: boolean): Round {
  const { epoch, reports, inbox, dispatchContext, agents, partial, leaving, now } = params;
  let state = params.state;
  const facts: Fact[] = [];
  const tell = (input: RunInput): readonly Fact[] => {
    const decided = decide(state, input, now);
    for (const fact of decided) {
      facts.push(fact);
      state = evolve(state, fact, now);
    }
    return decided;
  };

  const isCanceled = inbox.inputs.some(({ input }) => input.kind === "cancel");
  for (const report of reports) if (!(isCanceled && report.kind === "step_failed")) tell(report); // 1.
  const consumed = new Set<string>();
  const merges: MergedRun[] = [];
  const isUnread = inbox.count > inbox.inputs.length;
  let settlesUnanswered = false;
  const [firstCancel] = inbox.inputs.filter(({ input }) => input.kind === "cancel");
  for (const pending of resultsFirst(inbox.inputs)) {
    const { inputId, input } = pending;
    // While a step is open only a cancel can be told. The others wait.
    if (!mayTell(state, input)) continue;
    if (input.kind === "steer" && (isCanceled || !mayMerge)) {
      consumed.add(inputId); // 8.
      continue;
    }
    // 3. While a step is open no call is: a cancel then settles none.
    const settlesCalls = input.kind === "dispatch_lost" || (input.kind === "cancel" && state.phase !== "stepping");
    if (settlesCalls && inbox.resultsUnread) {
      // One cancel is enough. The others must not take the place of the results for which it waits.
      if (input.kind === "cancel" && pending !== firstCancel) consumed.add(inputId);
      continue;
    }
    const decided = tell(input.kind === "cancel" && state.phase === "stepping" ? { ...input, partial } : input);
    if (input.kind === "dispatch_lost" && decided.length > 0) settlesUnanswered = true;
    if (input.kind === "steer" && decided.length > 0) {
      const { runId, messages } = input;
      merges.push(mergedEnd({ runId, messages: messages.length, into: state.run.runId, now }));
    }
    consumed.add(inputId);
  }

  const isFull = isRecordFull({ facts: state.run.seq, bytes: params.recordBytes + bytesOf(facts) });
  const waits = isFull ? inbox.resultsUnread : isUnread; // 7.
  const more = waits && state.phase !== "stepping" && state.phase !== "ended";
  if (leaving === "now") tell({ kind: "handover" });
  // 3. and 6.
  const followed =
    leaving === "no" && !more ? tell({ kind: "proceed", epoch, isRecordFull: isFull, agents, ...dispatchContext }) : [];
  if (followed.some(isSettling)) settlesUnanswered = true;
  // Also what could not be told because a step was open.
  if (state.phase === "ended") for (const { inputId } of inbox.inputs) consumed.add(inputId);

  const release = more ? (leaving === "now" ? { wakeAt: now } : null) : releaseOf(state, leaving, now);
  const beginsStep = followed.some(({ type }) => type === "step.started"); // 9.
  const mustHaveSeenAll = settlesUnanswered || beginsStep || (release !== null && release.wakeAt !== now); // 4.
  const isTraceless = facts.length === 0 && release === null; // 5.
  return {
    state,
    facts,
    at: now,
    run: projectRun(state),
    calls: projectCalls(state, facts),
    consumed: [...consumed],
    merges,
    children: childrenOf(state, facts, agents, now),
    tellsParent: parentTold(state),
    inboxMustBe: mustHaveSeenAll || isTraceless ? inbox.count : null,
    release,
    more,
  };
}

/** The children that these facts start. The state has the facts folded in already. */
function childrenOf(
  { run }: RunState,
  facts: readonly Fact[],
  agents: Readonly<Record<string, KnownAgent>>,
  now: number,
): NewChild[] {
  return facts.flatMap((fact) => {
    if (fact.type !== "tool.dispatched" || fact.data.child === undefined) return [];
    const { callId, child } = fact.data;
    const call = run.calls.get(callId);
    if (call === undefined) return [];
    const agent = agents[childAgentOf(call) ?? ""];
    return [newChild({ run, call, child, agent, now })];
  });
}

function parentTold(state: RunState): ToldParent | null {
  if (state.phase !== "ended" || state.run.parent === null) return null;
  const { parent, runId } = state.run;
  const [usage, withheld] = [treeUsage(state.run), withheldBelow(state.run)];
  return toldParent({ parent, childRunId: runId, end: state.end, usage, withheld });
}

function bytesOf(facts: readonly Fact[]): number {
  return facts.reduce((sum, { data }) => sum + Buffer.byteLength(JSON.stringify(data)), 0);
}

/** 2. */
function resultsFirst(inputs: Inbox["inputs"]): Inbox["inputs"] {
  const isResult = ({ input }: PendingInput): boolean => input.kind === "tool_result";
  return [...inputs.filter(isResult), ...inputs.filter((pending) => !isResult(pending))];
}

function releaseOf(state: RunState, leaving: RoundParams["leaving"], now: number): Round["release"] {
  if (state.phase === "ended") return { wakeAt: null };
  const effects = effectsOf(state);
  const waits = effects.find((effect) => effect.kind === "wait");
  if (leaving === "no") return waits === undefined ? null : { wakeAt: waits.until };
  return leaving === "now" || effects.length === 0 || waits !== undefined ? { wakeAt: now } : null; // 6.
}
