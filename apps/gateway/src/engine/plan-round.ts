import type { Fact, FactType } from "@hsafa/protocol";
import { decide, mayTell } from "../core/decide.ts";
import { effectsOf } from "../core/effects.ts";
import { evolve } from "../core/evolve.ts";
import type { RunInput } from "../core/input.ts";
import type { RunState } from "../core/state.ts";
import type { Inbox, PendingInput, DispatchContext } from "../ports/fleet-store.ts";

/** What a holder knows when it asks for the next round. */
export interface RoundParams {
  readonly state: RunState;
  readonly epoch: number;
  /** What the holder learnt by itself, in order: its claim, the end of a step, results of server tools. */
  readonly reports: readonly RunInput[];
  readonly inbox: Inbox;
  readonly dispatchContext: DispatchContext;
  /** The text of the step in progress, which a cancel keeps. */
  readonly partial: string;
  /**
   * Whether the gateway is going away: `when_idle` finishes what is under way and begins nothing, `now` closes what is
   * open.
   */
  readonly leaving: "no" | "when_idle" | "now";
  /** The database's time, in ms. */
  readonly now: number;
}

/** One round, decided and not yet committed. */
export interface Round {
  readonly state: RunState;
  readonly facts: readonly Fact[];
  /** When they were decided: the time of each of these facts, in ms. */
  readonly at: number;
  /**
   * The inputs that these facts took account of, by id; what was not read when the run ends is the store's to consume.
   */
  readonly consumed: readonly string[];
  /**
   * Set when the lease goes back with this round: when somebody should look again (null: when an input comes, or
   * never).
   */
  readonly release: { readonly wakeAt: number | null } | null;
  readonly inboxMustBe: number | null;
  /** Whether more inputs wait than one read gave: the run does not proceed before they are read too. */
  readonly more: boolean;
}

/** Facts by which the clock settles a call: an answer that has just come must be seen first. */
const SETTLED_BY_CLOCK: ReadonlySet<FactType> = new Set<FactType>(["tool.expired", "tool.failed"]);

/**
 * Decides one round of a run from everything at hand. Pure: a refused commit is planned again from the state before.
 */
export function planRound(params: RoundParams): Round {
  const { epoch, reports, inbox, dispatchContext, partial, leaving, now } = params;
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

  // A cancel wins: whoever was told that it is accepted does not find a run that failed in that very moment.
  const isCanceled = inbox.inputs.some(({ input }) => input.kind === "cancel");
  for (const report of reports) if (!(isCanceled && report.kind === "step_failed")) tell(report);
  const consumed = new Set<string>();
  const isUnread = inbox.count > inbox.inputs.length;
  let settledUnanswered = false;
  for (const { inputId, input } of resultsFirst(inbox.inputs)) {
    // While a step is open only a cancel can be told; the others wait where they are.
    if (!mayTell(state, input)) continue;
    // The answer to a call that this would settle may be among what was not read. While a step is open no call is.
    const settlesCalls = input.kind === "dispatch_lost" || (input.kind === "cancel" && state.phase !== "stepping");
    if (settlesCalls && isUnread) continue;
    const decided = tell(input.kind === "cancel" && state.phase === "stepping" ? { ...input, partial } : input);
    if (input.kind === "dispatch_lost" && decided.length > 0) settledUnanswered = true;
    consumed.add(inputId);
  }
  if (state.phase === "ended") for (const { inputId } of inbox.inputs) consumed.add(inputId);

  const more = isUnread && state.phase !== "stepping" && state.phase !== "ended";
  if (leaving === "now") tell({ kind: "handover" });
  const settledByClock =
    leaving === "no" && !more
      ? tell({ kind: "proceed", epoch, ...dispatchContext }).some((fact) => SETTLED_BY_CLOCK.has(fact.type))
      : false;

  const release = more ? (leaving === "now" ? { wakeAt: now } : null) : releaseOf(state, leaving, now);
  // R6: what closes the door to an answer, or ends the holder's attention for a while, must have seen every input.
  const closesDoor = settledByClock || settledUnanswered || (release !== null && release.wakeAt !== now);
  // A round that leaves no trace but fewer inputs must not count them off twice, if it is sent twice.
  const isTraceless = facts.length === 0 && release === null;
  return {
    state,
    facts,
    at: now,
    consumed: [...consumed],
    release,
    inboxMustBe: closesDoor || isTraceless ? inbox.count : null,
    more,
  };
}

/**
 * Whoever was told that a result is accepted finds it in the log: nothing that came before it, be it a cancel or the
 * news that its device was lost, settles its call otherwise (R7).
 */
function resultsFirst(inputs: Inbox["inputs"]): Inbox["inputs"] {
  const isResult = ({ input }: PendingInput): boolean => input.kind === "tool_result";
  return [...inputs.filter(isResult), ...inputs.filter((pending) => !isResult(pending))];
}

function releaseOf(state: RunState, leaving: RoundParams["leaving"], now: number): Round["release"] {
  if (state.phase === "ended") return { wakeAt: null };
  const effects = effectsOf(state);
  const waits = effects.find((effect) => effect.kind === "wait");
  if (leaving === "no") return waits === undefined ? null : { wakeAt: waits.until };
  // Whoever leaves has not let the run proceed, so what it seems to wait for may not be all: the next holder looks at
  // once (R6).
  return leaving === "now" || effects.length === 0 || waits !== undefined ? { wakeAt: now } : null;
}
