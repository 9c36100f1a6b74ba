/**
 * The events that a watcher has of a run, and the rules for them. R8 is a pure comparison here:
 *
 * - `faultsOf`: what is wrong with one record by itself;
 * - `disagreements`: where records of one run are not equal;
 * - `resumed`: the record of a watcher that was cut off after a position and resumed.
 */
import { isDeepStrictEqual } from "node:util";
import {
  comparePositions,
  formatPosition,
  isTerminalType,
  parsePosition,
  type Position,
  type RunEvent,
  START,
} from "@hsafa/protocol";

/** The events of a run in the order in which one watcher got them. */
export type WatchedRecord = readonly RunEvent[];

/** A step of a record: its deltas, between its `step.started` and the fact that closed it. */
interface RecordedStep {
  /** The seq of its `step.started`. */
  readonly seq: number;
  readonly deltas: RunEvent[];
  closedBy: "completed" | "discarded" | "nothing";
}

/** Returns what is wrong with a whole record by itself; an empty list if nothing is. */
export function faultsOf(record: WatchedRecord): string[] {
  return [...sequenceFaults(record), ...stepFaults(record), ...callFaults(record), ...endFaults(record)];
}

/**
 * R2: ids strictly ascend, facts are contiguous from 1, deltas follow their `step.started` without a gap, and `prev`
 * names the predecessor.
 */
function sequenceFaults(record: WatchedRecord): string[] {
  const faults: string[] = [];
  const cutShort = new Set(stepsOf(record).flatMap(({ seq, closedBy }) => (closedBy === "discarded" ? [seq] : [])));
  let at = START;
  let openedAt: number | null = null;
  for (const event of record) {
    const position = positionOf(event);
    const after = `after ${formatPosition(at)}`;
    if (comparePositions(position, at) <= 0) {
      faults.push(`${event.id} came ${after}`);
      continue;
    }
    if (isFact(event)) {
      if (position.seq !== at.seq + 1) faults.push(`a fact is missing between ${formatPosition(at)} and ${event.id}`);
      // A watcher may have seen more or less of a step that was cut short than Postgres has.
      else if (cutShort.has(at.seq) ? prevOf(event).seq !== at.seq : comparePositions(prevOf(event), at) !== 0) {
        faults.push(`${event.id} names ${event.prev} as its predecessor and came ${after}`);
      }
      openedAt = event.type === "step.started" ? position.seq : null;
    } else {
      if (position.seq !== openedAt) faults.push(`the delta ${event.id} hangs under no step.started`);
      if (position.seq !== at.seq || position.sub !== at.sub + 1)
        faults.push(`a delta is missing ${after}, before ${event.id}`);
    }
    at = position;
  }
  return faults;
}

/** R2: every step is closed exactly once before the next one opens. */
function stepFaults(record: WatchedRecord): string[] {
  const faults: string[] = [];
  let open: string | null = null;
  for (const event of record) {
    if (event.type === "step.started") {
      if (open !== null) faults.push(`the step of ${open} is open when ${event.id} opens another`);
      open = event.id;
    } else if (event.type === "step.completed" || event.type === "step.discarded") {
      if (open === null) faults.push(`${event.id} closes a step that is not open`);
      open = null;
    }
  }
  if (open !== null) faults.push(`the step of ${open} is never closed`);
  return faults;
}

/** R7: every requested call is settled exactly once. */
function callFaults(record: WatchedRecord): string[] {
  const settlements = new Map<string, number>();
  for (const event of record) {
    if (event.type === "tool.requested") settlements.set(event.data.callId, 0);
    else if (isSettlement(event)) settlements.set(event.data.callId, (settlements.get(event.data.callId) ?? 0) + 1);
  }
  return [...settlements].flatMap(([callId, count]) =>
    count === 1 ? [] : [`the call ${callId} is settled ${count} times`],
  );
}

/** R6: there is one terminal fact, and nothing after it. */
function endFaults(record: WatchedRecord): string[] {
  const ends = record.filter(({ type }) => isTerminalType(type));
  const last = record.at(-1);
  if (ends.length !== 1) return [`there are ${ends.length} terminal facts`];
  return last === ends[0] ? [] : [`${last?.id} came after the end`];
}

/** The fact that settles a call. */
export type Settlement = Extract<RunEvent, { type: "tool.completed" | "tool.failed" | "tool.expired" | "tool.denied" }>;

export function isSettlement(event: RunEvent): event is Settlement {
  return /^tool\.(completed|failed|expired|denied)$/.test(event.type);
}

/**
 * Returns where these records of one run are not equal (R8). In equal records the facts are equal, and so are the
 * deltas of every completed step. Each step cut short has a prefix of the longest record's deltas. The names are for
 * the messages.
 */
export function disagreements(records: Readonly<Record<string, WatchedRecord>>): string[] {
  const named = Object.entries(records);
  const [first] = named;
  if (first === undefined) return [];
  const [firstName, firstRecord] = first;
  const facts = firstRecord.filter(isFact);
  const longest = longestSteps(named.map(([, record]) => record));
  const faults: string[] = [];
  for (const [name, record] of named) {
    const difference = firstDifference(record.filter(isFact), facts);
    if (difference !== null) faults.push(`${name} and ${firstName} differ in fact ${difference + 1}`);
    for (const step of stepsOf(record)) {
      const whole = longest.get(step.seq) ?? [];
      const isPrefix = firstDifference(step.deltas, whole.slice(0, step.deltas.length)) === null;
      if (!isPrefix) faults.push(`${name} has other deltas than the longest record under ${step.seq}-0`);
      else if (step.closedBy === "completed" && step.deltas.length < whole.length) {
        faults.push(`${name} has ${step.deltas.length} of the ${whole.length} deltas under ${step.seq}-0`);
      }
    }
  }
  return faults;
}

/** Returns the record of a watcher that had `record` up to position `k`, and then got `rest`. */
export function resumed(record: WatchedRecord, k: string, rest: WatchedRecord): WatchedRecord {
  const position = parsePosition(k) ?? START;
  return [...record.filter((event) => comparePositions(positionOf(event), position) <= 0), ...rest];
}

function stepsOf(record: WatchedRecord): RecordedStep[] {
  const steps: RecordedStep[] = [];
  for (const event of record) {
    const step = steps.at(-1);
    if (event.type === "step.started") steps.push({ seq: positionOf(event).seq, deltas: [], closedBy: "nothing" });
    else if (step === undefined) continue;
    else if (event.type === "step.completed") step.closedBy = "completed";
    else if (event.type === "step.discarded") step.closedBy = "discarded";
    else if (!isFact(event)) step.deltas.push(event);
  }
  return steps;
}

function longestSteps(records: readonly WatchedRecord[]): Map<number, readonly RunEvent[]> {
  const longest = new Map<number, readonly RunEvent[]>();
  for (const { seq, deltas } of records.flatMap(stepsOf)) {
    if (deltas.length > (longest.get(seq)?.length ?? -1)) longest.set(seq, deltas);
  }
  return longest;
}

/** Returns the first index at which two lists differ, or null. The same object twice needs no deep comparison. */
function firstDifference(one: readonly RunEvent[], other: readonly RunEvent[]): number | null {
  const length = Math.max(one.length, other.length);
  for (let i = 0; i < length; i += 1) {
    if (one[i] !== other[i] && !isDeepStrictEqual(one[i], other[i])) return i;
  }
  return null;
}

type FactEvent = Extract<RunEvent, { prev: string }>;

function isFact(event: RunEvent): event is FactEvent {
  return "prev" in event;
}

function positionOf({ id }: RunEvent): Position {
  return positionIn(id);
}

function prevOf({ prev }: FactEvent): Position {
  return positionIn(prev);
}

function positionIn(text: string): Position {
  const position = parsePosition(text);
  if (position === null) throw new Error(`an event stands at '${text}', which is no position`);
  return position;
}
