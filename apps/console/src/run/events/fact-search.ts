import type { FactEvent } from "@hsafa/protocol";
import type { RunRecord } from "../record/run-record.ts";

/** Which events are listed. */
export interface EventFilter {
  /** Words that stand in the event, in lower case; empty: any. */
  readonly text: string;
  /** The beginning of the type, such as `tool.`; empty: any. */
  readonly type: string;
}

/**
 * A search in the facts of a record, from the first one on. It goes on from where it stands. So facts that come cost
 * nothing but themselves, and no frame of the page waits for all.
 */
export class FactSearch {
  readonly #record: RunRecord;
  readonly #filter: EventFilter;
  #found: number[] = [];
  #searched = 0;

  constructor(record: RunRecord, filter: EventFilter) {
    this.#record = record;
    this.#filter = filter;
  }

  /** The numbers of the facts that fit, in order. */
  get found(): readonly number[] {
    return this.#found;
  }

  /** Up to which fact was searched. */
  get searched(): number {
    return this.#searched;
  }

  /** Searches so many of the facts that were read. Returns whether there are more. */
  goOn(most: number): boolean {
    const { readTo } = this.#record;
    if (readTo < this.#searched) {
      // The store has lost them.
      this.#found = [];
      this.#searched = 0;
    }
    const end = Math.min(readTo, this.#searched + most);
    while (this.#searched < end) {
      this.#searched += 1;
      const fact = this.#record.fact(this.#searched);
      if (fact !== undefined && fits(fact, this.#filter)) this.#found.push(this.#searched);
    }
    return this.#searched < readTo;
  }
}

function fits(fact: FactEvent, { text, type }: EventFilter): boolean {
  if (!fact.type.startsWith(type)) return false;
  return text === "" || `${fact.id} ${fact.type} ${JSON.stringify(fact.data)}`.toLowerCase().includes(text);
}
