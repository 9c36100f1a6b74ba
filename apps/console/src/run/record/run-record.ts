/**
 * What is known of a run's events. It is pure.
 *
 * 1. The facts of a run are numbered from 1 without a gap. So each has its place here, whether it was read or not, and
 *    nothing is left out without a trace.
 * 2. A view at a position is folded by the client's own reducer, from the first fact on. Where facts before it were not
 *    read yet, it is folded from the first fact after the last gap, and says so.
 * 3. The fold from the first fact on grows with the facts, in slices, so that no frame of the page waits for it.
 * 4. Deltas are kept of the open step, and of a step that somebody looks into.
 */
import {
  comparePositions,
  type DeltaEvent,
  type FactEvent,
  parsePlace,
  type Position,
  type RunEvent,
} from "@hsafa/protocol";
import type { RunStreamEvent } from "@hsafa/client";
import { EMPTY_RUN_VIEW, nextRunView, type RunView } from "@hsafa/client/view";
import { VIEW_EVERY_FACTS } from "../../limits.ts";

/** The view of some facts in a row: from which, and up to which. `to` before `from`: of none. */
export interface Folded {
  readonly view: RunView;
  readonly from: number;
  readonly to: number;
}

const NOTHING: Folded = { view: EMPTY_RUN_VIEW, from: 1, to: 0 };

/** The events of one run, as far as they were read. */
export class RunRecord {
  /** By number: `facts[0]` is fact 1. */
  readonly #facts: (FactEvent | undefined)[] = [];
  /** Of each step, by the number of the fact before them. Those of the open step among them. */
  readonly #deltas = new Map<number, DeltaEvent[]>();
  /** Views after each `VIEW_EVERY_FACTS` facts. */
  readonly #views: RunView[] = [EMPTY_RUN_VIEW];
  /** 3. The view of the facts from the first one on, as far as it was folded. */
  #whole: Folded = NOTHING;
  /** The view at the end, with the deltas of the open step. */
  #last: Folded = NOTHING;
  /** The last view before the end that was asked for. */
  #asked: (Folded & { readonly sub: number }) | null = null;
  #read = 0;
  #readTo = 0;
  #callFacts = 0;
  #recoveries = 0;
  #generation = "";

  /** How many facts the run has, as far as is known. */
  get length(): number {
    return this.#facts.length;
  }

  /** How many of them were read. */
  get read(): number {
    return this.#read;
  }

  /** Up to which fact all were read. */
  get readTo(): number {
    return this.#readTo;
  }

  /** The generation of the store that the positions are of. */
  get generation(): string {
    return this.#generation;
  }

  /** The view at the end. Its first facts may be missing: `last` tells. */
  get view(): RunView {
    return this.last.view;
  }

  /** The view at the end, and the facts that it is of. */
  get last(): Folded {
    return this.#last.to === this.length ? this.#last : NOTHING;
  }

  /** Returns a fact by its number; undefined: it was not read yet. */
  fact(seq: number): FactEvent | undefined {
    return this.#facts[seq - 1];
  }

  /** Returns the deltas that were read after a fact. */
  deltasAfter(seq: number): readonly DeltaEvent[] {
    return this.#deltas.get(seq) ?? [];
  }

  /** Returns every fact that was read, in order. */
  facts(): FactEvent[] {
    return this.#facts.filter((fact) => fact !== undefined);
  }

  /** How many facts of tool calls were read: a call may have changed with each of them. */
  get callFacts(): number {
    return this.#callFacts;
  }

  /** How many times another gateway took the run over, as far as its facts were read. */
  get recoveries(): number {
    return this.#recoveries;
  }

  /** The number of the step that a fact belongs to, as far as was read; 0: it stands before the first one. */
  stepAt(seq: number): number {
    for (let at = Math.min(seq, this.length); at > 0; at -= 1) {
      const fact = this.fact(at);
      if (fact === undefined) return 0;
      if (fact.type === "step.started") return fact.data.step;
    }
    return 0;
  }

  /** The first fact of the stretch without a gap that ends with this one; above it if this one was not read. */
  stretchOf(seq: number): number {
    if (seq <= this.#readTo) return 1;
    let from = seq + 1;
    while (from > 1 && this.#facts[from - 2] !== undefined) from -= 1;
    return from;
  }

  /** Makes room for so many facts of a generation. */
  begin(length: number, generation: string): void {
    this.#expect(length);
    this.#generation = generation;
    if (this.#last.to !== this.length) this.#last = NOTHING;
  }

  /** Takes facts of the log. What is folded from the first one on is `foldOn`'s work. */
  addFacts(events: readonly RunEvent[]): void {
    for (const event of events) if (isFact(event)) this.#put(event);
    this.#foldEnd();
  }

  /** 3. Folds so many of the facts that follow the whole view. Returns whether there are more to fold. */
  foldOn(most: number): boolean {
    if (this.#last.from === 1 && this.#last.to === this.length && this.length > 0) return false;
    let { view, to } = this.#whole;
    const end = Math.min(this.#readTo, to + most);
    while (to < end) {
      to += 1;
      const fact = this.fact(to);
      if (fact === undefined) break;
      view = nextRunView(view, fact);
      if (to % VIEW_EVERY_FACTS === 0) this.#views[to / VIEW_EVERY_FACTS] = view;
    }
    this.#whole = { view, from: 1, to };
    if (to < this.#readTo) return true;
    if (to === this.length && this.#last.from > 1) this.#last = { from: 1, to, view: this.#withDeltas(view, to) };
    return false;
  }

  /** Takes deltas of the log, which follow one fact. */
  setDeltas(seq: number, deltas: readonly DeltaEvent[]): void {
    this.#deltas.set(seq, [...deltas]);
    this.#asked = null;
    if (seq !== this.length) return;
    this.#last = NOTHING;
    this.#foldEnd();
  }

  /** Takes the next event of the stream. */
  addLive(event: RunStreamEvent): void {
    if (event.type === "stream.rewound") return this.#forget();
    if ("id" in event && isFact(event)) {
      const { seq } = positionOf(event);
      // What a completed step said stands in its fact.
      if (seq > 1) this.#deltas.delete(seq - 1);
      this.#put(event);
    } else if ("id" in event) {
      const { seq } = positionOf(event);
      const deltas = this.#deltas.get(seq);
      if (deltas === undefined) this.#deltas.set(seq, [event]);
      else deltas.push(event);
    }
    const { from, to } = this.#last;
    const begun = to === 0 ? this.length : from;
    this.#last = { from: begun, to: this.length, view: nextRunView(this.#last.view, event) };
    // Its checkpoints are those of the whole record.
    if (begun === 1 && "id" in event && isFact(event) && this.length % VIEW_EVERY_FACTS === 0) {
      this.#views[this.length / VIEW_EVERY_FACTS] = this.#last.view;
    }
  }

  /** Returns the view as it was at a position. 2. Its first facts may be missing. Null: that fact was not read yet. */
  viewAt({ seq, sub }: Position): Folded | null {
    const end = Math.min(seq, this.length);
    const known = this.#asked;
    // What is missing before it is not folded anew with each page that comes, but once it is all there.
    const isKept = known !== null && known.to === end && known.sub === sub && (known.from === 1 || end > this.#readTo);
    if (isKept) return known;
    const from = this.stretchOf(end);
    if (from > end && end > 0) return null;
    let view: RunView = EMPTY_RUN_VIEW;
    let at = from - 1;
    if (from === 1) {
      let kept = Math.min(Math.floor(end / VIEW_EVERY_FACTS), this.#views.length - 1);
      while (kept > 0 && this.#views[kept] === undefined) kept -= 1;
      view = this.#views[kept] ?? view;
      at = kept * VIEW_EVERY_FACTS;
    }
    while (at < end) {
      at += 1;
      const fact = this.fact(at);
      if (fact !== undefined) view = nextRunView(view, fact);
      if (from === 1 && at % VIEW_EVERY_FACTS === 0) this.#views[at / VIEW_EVERY_FACTS] ??= view;
    }
    for (const delta of this.deltasAfter(end)) {
      if (comparePositions(positionOf(delta), { seq, sub }) > 0) break;
      view = nextRunView(view, delta);
    }
    this.#asked = { view, from, to: end, sub };
    return this.#asked;
  }

  #withDeltas(view: RunView, seq: number): RunView {
    return this.deltasAfter(seq).reduce(nextRunView, view);
  }

  #expect(length: number): void {
    while (this.#facts.length < length) this.#facts.push(undefined);
  }

  #put(fact: FactEvent): void {
    const { position, generation } = parsePlace(fact.id) ?? { position: { seq: 0 }, generation: "" };
    if (position.seq === 0) return;
    this.#expect(position.seq);
    if (this.#facts[position.seq - 1] === undefined) {
      this.#read += 1;
      if (fact.type.startsWith("tool.")) this.#callFacts += 1;
      if (fact.type === "run.recovered") this.#recoveries += 1;
    }
    this.#facts[position.seq - 1] = fact;
    while (this.#facts[this.#readTo] !== undefined) this.#readTo += 1;
    this.#generation = generation;
  }

  /** 2. Folds the end from the first fact after the last gap, once. `foldOn` gives it what was before. */
  #foldEnd(): void {
    if (this.#last.to === this.length || this.fact(this.length) === undefined) return;
    const from = this.stretchOf(this.length);
    if (from === 1) {
      while (this.foldOn(VIEW_EVERY_FACTS));
      if (this.#whole.to < this.length) return;
      this.#last = { from, to: this.length, view: this.#withDeltas(this.#whole.view, this.length) };
      return;
    }
    let view: RunView = EMPTY_RUN_VIEW;
    for (const fact of this.#facts.slice(from - 1)) if (fact !== undefined) view = nextRunView(view, fact);
    this.#last = { from, to: this.length, view: this.#withDeltas(view, this.length) };
  }

  #forget(): void {
    this.#facts.length = 0;
    this.#deltas.clear();
    this.#views.length = 1;
    this.#read = 0;
    this.#readTo = 0;
    this.#callFacts = 0;
    this.#recoveries = 0;
    this.#asked = null;
    this.#whole = NOTHING;
    this.#last = NOTHING;
  }
}

/** Whether an event is a fact: it says which event stood before it. */
export function isFact(event: RunStreamEvent): event is FactEvent {
  return "prev" in event;
}

/** The position of an event, without the generation of the store. */
export function positionOf({ id }: { readonly id: string }): Position {
  return parsePlace(id)?.position ?? { seq: 0, sub: 0 };
}
