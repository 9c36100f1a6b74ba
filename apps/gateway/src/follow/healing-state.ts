import { comparePositions, type Position } from "@hsafa/protocol";
import { backoffMs } from "../core/backoff.ts";
import { accept, acceptFromStore, type EventRecord, isTerminal } from "../core/event-record.ts";
import { EVENTS_PAGE_MAX } from "../ports/limits.ts";
import { acceptedRecords } from "./accepted-records.ts";
import { RECORD_OVERHEAD_CHARACTERS, FOLLOW_EARLY_CHARACTERS_MAX, FOLLOW_RETRY } from "./limits.ts";

/**
 * How a follower misses nothing of its run, as data. Pure: randomness is an argument. `run-follower.ts` obeys: it hands
 * on what is accepted, and does what the phase says.
 *
 * 1. Every record is accepted once and in order (R8). What the live log says goes by `accept`, a page of the store by
 *    `acceptFromStore`. The two never mix: by the store's rule, a fact that came early would pass over what is missing
 *    before it.
 * 2. One read is in flight at most, and only its own page ends it.
 * 3. Records that come ahead of a gap are kept until the gap is closed. Beyond `FOLLOW_EARLY_CHARACTERS_MAX` they are
 *    dropped (R9): `wanted` remembers to read them.
 * 4. A resync is done when a round that began after it was asked for has read the store to its end. A round that failed
 *    leaves it to the next.
 * 5. A round asks the live log first, unless that is away or known not to have what is wanted. It asks the store for
 *    what is still missing.
 * 6. A round without gain is followed by a pause, longer each time, since a missing delta may never come: then a later
 *    fact passes it. The pause ends at once when the store is known to have something.
 * 7. What a fact has passed by is missed by nobody. After the terminal fact nothing is missing, so it stays the end.
 */
export interface HealingState {
  /** Everything up to here has been accepted. */
  readonly head: Position;
  /** Something exists up to here. */
  readonly wanted: Position;
  /** Something may have been missed that nothing points at. */
  readonly needsResync: boolean;
  /** The live log is known not to have what is wanted. */
  readonly isStoreOnly: boolean;
  /** Whether the last fact is a `step.started`, so that deltas may follow it. True also while it is not known. */
  readonly mayHaveDeltas: boolean;
  /** Records that came ahead of a gap, in order. */
  readonly early: readonly EventRecord[];
  /** Rounds without gain, in a row. */
  readonly fruitless: number;
  readonly phase: HealingPhase;
}

/** What is to be done now. It is done once for each object: the same object again asks for nothing new. */
export type HealingPhase =
  /** Nothing is missing. */
  | { readonly kind: "whole" }
  /** Read `EVENTS_PAGE_MAX` records, and tell which came. */
  | {
      readonly kind: "reading";
      readonly source: "live_log" | "store";
      readonly after: Position;
      readonly round: HealingRound;
    }
  /** Wait so long, and tell. */
  | { readonly kind: "pausing"; readonly delayMs: number }
  /** The terminal fact was accepted, or nobody follows the run any more. */
  | { readonly kind: "ended" };

/** One look for what is missing: pages of the live log, then pages of the store. */
export interface HealingRound {
  /** The head when it began. */
  readonly startedAt: Position;
  /** It reads the store to its end. */
  readonly isResync: boolean;
}

export type HealingInput =
  /** Records of the live log were heard. */
  | { readonly kind: "heard"; readonly records: readonly EventRecord[] }
  /** The store holds everything up to here, and the live log may not. */
  | { readonly kind: "stored"; readonly upTo: Position }
  /** The run's last fact in the store has this seq. */
  | { readonly kind: "tail"; readonly lastSeq: number }
  /** Something may have been missed. */
  | { readonly kind: "resync" }
  /** Nothing tells of deltas just now, and some may have come. */
  | { readonly kind: "poll" }
  /** The read in flight returned these records. `jitter`: a random number in [0, 1). */
  | { readonly kind: "page"; readonly records: readonly EventRecord[]; readonly jitter: number }
  /** The read in flight failed. */
  | { readonly kind: "failed"; readonly jitter: number }
  /** The pause is over. */
  | { readonly kind: "waited" }
  /** Nobody follows the run any more. */
  | { readonly kind: "closed" };

export interface HealingStep {
  readonly state: HealingState;
  /** Records that follow the head before, in order. */
  readonly accepted: readonly EventRecord[];
}

type Reading = Extract<HealingPhase, { kind: "reading" }>;

const NONE: readonly EventRecord[] = [];

/** The state of a follower that begins where the run stands. */
export function beginHealing(tail: { readonly lastSeq: number; readonly hasEnded: boolean }): HealingState {
  const head: Position = { seq: tail.lastSeq, sub: 0 };
  return {
    head,
    wanted: head,
    needsResync: false,
    isStoreOnly: false,
    mayHaveDeltas: true,
    early: NONE,
    fruitless: 0,
    phase: { kind: tail.hasEnded ? "ended" : "whole" },
  };
}

/** The state after an input, and the records accepted by it. `isLiveLogAway`: whether a round may ask the live log. */
export function nextHealingState(state: HealingState, input: HealingInput, isLiveLogAway: boolean): HealingStep {
  if (state.phase.kind === "ended") return { state, accepted: NONE };
  switch (input.kind) {
    case "heard":
      return afterRecords(state, input.records, isLiveLogAway);
    case "stored":
      return only(hurry({ ...want(state, input.upTo), isStoreOnly: true }, isLiveLogAway));
    case "tail":
      if (input.lastSeq <= state.head.seq) return { state, accepted: NONE };
      return only(hurry(want(state, { seq: input.lastSeq, sub: 0 }), isLiveLogAway));
    case "resync":
      return only(hurry({ ...state, needsResync: true }, isLiveLogAway));
    case "poll":
      return only(state.mayHaveDeltas ? hurry({ ...state, needsResync: true }, isLiveLogAway) : state);
    case "page": {
      const { phase } = state;
      if (phase.kind !== "reading") return { state, accepted: NONE };
      const { records, jitter } = input;
      return phase.source === "live_log"
        ? afterLivePage(state, phase, records, { jitter, isLiveLogAway })
        : afterStorePage(state, phase, records, { jitter, isLiveLogAway });
    }
    case "failed": {
      const { phase } = state;
      if (phase.kind !== "reading") return { state, accepted: NONE };
      const needsResync = state.needsResync || phase.round.isResync; // 4.
      return only(endRound({ ...state, needsResync }, phase.round, { jitter: input.jitter, isLiveLogAway }));
    }
    case "waited":
      return only(state.phase.kind === "pausing" ? lookOrRest(state, isLiveLogAway) : state);
    case "closed":
      return only({ ...forgetEarly(state), phase: { kind: "ended" } });
    default:
      return input satisfies never;
  }
}

/** What a round needs to know when it ends. */
interface RoundEnd {
  readonly jitter: number;
  readonly isLiveLogAway: boolean;
}

function only(state: HealingState): HealingStep {
  return { state, accepted: NONE };
}

function afterRecords(before: HealingState, records: readonly EventRecord[], isLiveLogAway: boolean): HealingStep {
  const { state, accepted, hasGap } = takeHeard(before, records);
  const { phase } = state;
  if (!hasGap) {
    return { state: phase.kind === "pausing" && !isIncomplete(state) ? rest(state) : state, accepted };
  }
  // 6. A fact behind a gap means that the store has what is missing. A delta may be ahead of the next flush.
  if (records.some(({ sub }) => sub === 0)) return { state: hurry(state, isLiveLogAway), accepted };
  return { state: phase.kind === "whole" ? beginRound(state, isLiveLogAway) : state, accepted };
}

function afterLivePage(
  before: HealingState,
  phase: Reading,
  records: readonly EventRecord[],
  end: RoundEnd,
): HealingStep {
  const { state, accepted } = takeHeard(before, records);
  if (state.phase.kind === "ended") return { state, accepted };
  const { round } = phase;
  const hasMore = records.length >= EVENTS_PAGE_MAX && comparePositions(state.head, phase.after) > 0;
  if (hasMore) return { state: read(state, "live_log", state.head, round), accepted };
  if (isDone(state, round)) return { state: endRound(state, round, end), accepted };
  return { state: read(state, "store", state.head, round), accepted }; // 5.
}

function afterStorePage(
  before: HealingState,
  phase: Reading,
  records: readonly EventRecord[],
  end: RoundEnd,
): HealingStep {
  const { round } = phase;
  const last = records.at(-1);
  if (last === undefined) return { state: endRound(before, round, end), accepted: NONE };
  const fresh = acceptedRecords(before.head, records, acceptFromStore); // 1. Early records are no part of the page.
  const { state, accepted: followers } = takeHeard(advance(before, fresh), NONE);
  const accepted = followers.length === 0 ? fresh : [...fresh, ...followers];
  if (state.phase.kind === "ended") return { state, accepted };
  if (isDone(state, round)) return { state: endRound(state, round, end), accepted };
  const cursor = comparePositions(last, state.head) > 0 ? { seq: last.seq, sub: last.sub } : state.head;
  return { state: read(state, "store", cursor, round), accepted };
}

/** Takes what follows the head out of these records and the early ones, and keeps what does not follow yet. */
function takeHeard(state: HealingState, records: readonly EventRecord[]): HealingStep & { readonly hasGap: boolean } {
  if (state.phase.kind === "ended") return { state, accepted: NONE, hasGap: false };
  const candidates = state.early.length === 0 ? records : [...state.early, ...records].toSorted(comparePositions);
  const accepted: EventRecord[] = [];
  const early: EventRecord[] = [];
  let at = state.head;
  for (const record of candidates) {
    const acceptance = accept(at, record); // 1.
    switch (acceptance) {
      case "take":
        accepted.push(record);
        at = record;
        break;
      case "gap":
        early.push(record);
        break;
      case "drop":
        break;
      default:
        acceptance satisfies never;
    }
  }
  // 7.
  const ahead = early.filter((record) => comparePositions(record, at) > 0);
  const kept = keepEarly(state, ahead);
  return { state: advance(kept, accepted), accepted, hasGap: ahead.length > 0 };
}

/** 3. */
function keepEarly(state: HealingState, early: readonly EventRecord[]): HealingState {
  const last = early.at(-1);
  if (last === undefined) return forgetEarly(state);
  const characters = early.reduce((sum, { payload }) => sum + payload.length + RECORD_OVERHEAD_CHARACTERS, 0);
  const wanting = want(state, last);
  return characters > FOLLOW_EARLY_CHARACTERS_MAX ? forgetEarly(wanting) : { ...wanting, early };
}

function forgetEarly(state: HealingState): HealingState {
  return state.early.length === 0 ? state : { ...state, early: NONE };
}

/** The head moves over records that were accepted. */
function advance(state: HealingState, accepted: readonly EventRecord[]): HealingState {
  const last = accepted.at(-1);
  if (last === undefined) return state;
  const fact = accepted.findLast(({ sub }) => sub === 0);
  const mayHaveDeltas = fact === undefined ? state.mayHaveDeltas : fact.type === "step.started";
  const advanced = { ...state, head: { seq: last.seq, sub: last.sub }, mayHaveDeltas };
  return fact !== undefined && isTerminal(fact) ? { ...forgetEarly(advanced), phase: { kind: "ended" } } : advanced;
}

function want(state: HealingState, { seq, sub }: Position): HealingState {
  return comparePositions({ seq, sub }, state.wanted) > 0 ? { ...state, wanted: { seq, sub } } : state;
}

function isIncomplete({ needsResync, wanted, head }: HealingState): boolean {
  return needsResync || comparePositions(wanted, head) > 0;
}

/** Looks at once, if anything is missing and no read is in flight. 6. */
function hurry(state: HealingState, isLiveLogAway: boolean): HealingState {
  const hurried = state.fruitless === 0 ? state : { ...state, fruitless: 0 };
  return hurried.phase.kind === "reading" ? hurried : lookOrRest(hurried, isLiveLogAway); // 2.
}

function lookOrRest(state: HealingState, isLiveLogAway: boolean): HealingState {
  return isIncomplete(state) ? beginRound(state, isLiveLogAway) : rest(state);
}

function rest(state: HealingState): HealingState {
  return state.phase.kind === "whole" ? state : { ...state, fruitless: 0, phase: { kind: "whole" } };
}

function beginRound(state: HealingState, isLiveLogAway: boolean): HealingState {
  const round: HealingRound = { startedAt: state.head, isResync: state.needsResync };
  const source = state.isStoreOnly || isLiveLogAway ? "store" : "live_log"; // 5.
  return read({ ...state, needsResync: false, isStoreOnly: false }, source, state.head, round);
}

function read(state: HealingState, source: Reading["source"], after: Position, round: HealingRound): HealingState {
  return { ...state, phase: { kind: "reading", source, after, round } };
}

/** Whether a round has found what it was to find. A resync asks for the store's end. 4. */
function isDone({ wanted, head }: HealingState, { isResync }: HealingRound): boolean {
  return !isResync && comparePositions(wanted, head) <= 0;
}

function endRound(state: HealingState, round: HealingRound, { jitter, isLiveLogAway }: RoundEnd): HealingState {
  if (!isIncomplete(state)) return rest(state);
  const hasGained = comparePositions(state.head, round.startedAt) > 0;
  if (hasGained) return beginRound({ ...state, fruitless: 0 }, isLiveLogAway);
  const fruitless = state.fruitless + 1;
  return { ...state, fruitless, phase: { kind: "pausing", delayMs: backoffMs(fruitless, FOLLOW_RETRY, jitter) } }; // 6.
}
