/**
 * The rows of the list of events: each fact, and the deltas after it if somebody wants to see them. It is pure.
 *
 * 1. A row is made when it is seen. So a list of 100,000 facts costs what its screen costs.
 * 2. What was not read has its row, so the list is never shorter than the run.
 */
import { type DeltaEvent, type FactEvent, parsePlace } from "@hsafa/protocol";
import { positionOf, type RunRecord } from "../record/run-record.ts";

/** One row. */
export type EventRow =
  | {
      readonly kind: "fact";
      readonly seq: number;
      readonly fact: FactEvent;
      readonly deltas: number;
      readonly isOpen: boolean;
    }
  /** A fact that was not read yet. */
  | { readonly kind: "unread"; readonly seq: number }
  | { readonly kind: "delta"; readonly seq: number; readonly delta: DeltaEvent };

/** The rows of a list, by their index. */
export interface EventRows {
  readonly count: number;
  readonly at: (index: number) => EventRow | undefined;
  /** The index of a fact, or of the last one before it; -1: there is none. */
  readonly indexOf: (seq: number) => number;
}

/**
 * Makes the rows. `opened`: the facts whose deltas are shown. `end`: the last fact that counts. `found`: the facts that
 * a search found, in order; null: all of them.
 */
export function eventRows(params: {
  readonly record: RunRecord;
  readonly found: readonly number[] | null;
  readonly opened: ReadonlySet<number>;
  readonly end: number;
}): EventRows {
  const { record, found, opened, end } = params;
  const facts = found === null ? end : countUpTo(found, end);
  const seqOf = (place: number): number => (found === null ? place + 1 : (found[place] ?? 0));
  const placeOf = (seq: number): number => (found === null ? Math.min(seq, end) : countUpTo(found, seq)) - 1;
  /** The facts that are open, by their place among the facts, each with the rows that all of them add up to it. */
  const open = [...opened]
    .toSorted((a, b) => a - b)
    .map((seq) => ({ seq, place: placeOf(seq), deltas: record.deltasAfter(seq) }))
    .filter(({ seq, place }) => place >= 0 && seqOf(place) === seq);
  const added = open.reduce((sum, { deltas }) => sum + deltas.length, 0);

  function at(index: number): EventRow | undefined {
    if (index < 0 || index >= facts + added) return undefined;
    let place = index;
    for (const { seq, place: opener, deltas } of open) {
      if (place <= opener) break;
      const delta = deltas[place - opener - 1];
      if (delta !== undefined) return { kind: "delta", seq, delta };
      place -= deltas.length;
    }
    const seq = seqOf(place);
    const fact = record.fact(seq);
    if (fact === undefined) return { kind: "unread", seq }; // 2.
    return { kind: "fact", seq, fact, deltas: deltasAfter(record, seq), isOpen: opened.has(seq) };
  }
  return {
    count: facts + added,
    at,
    indexOf(seq) {
      const place = placeOf(seq);
      return open.reduce((sum, { place: opener, deltas }) => sum + (opener < place ? deltas.length : 0), place);
    },
  };
}

/** How many numbers of a rising list are at most this one. */
function countUpTo(rising: readonly number[], most: number): number {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((rising[middle] ?? 0) <= most) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many deltas followed a fact: the next fact says which event stood before it. */
function deltasAfter(record: RunRecord, seq: number): number {
  const next = record.fact(seq + 1);
  const before = next === undefined ? undefined : parsePlace(next.prev)?.position;
  if (before?.seq === seq) return before.sub;
  const last = record.deltasAfter(seq).at(-1);
  return last === undefined ? 0 : positionOf(last).sub;
}
