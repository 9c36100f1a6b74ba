import type { RunRecord } from "../record/run-record.ts";
import { notesOf, type TranscriptRow } from "./transcript-rows.ts";

/** The notes of a record's facts. Each fact is looked at once, however often a page asks. */
export class NoteRows {
  readonly #record: RunRecord;
  #rows: TranscriptRow[] = [];
  #from = 1;
  #to = 0;

  constructor(record: RunRecord) {
    this.#record = record;
  }

  /** Returns the notes of the facts from one up to another, in order. */
  of(from: number, to: number): readonly TranscriptRow[] {
    if (from !== this.#from || this.#record.length < this.#to) {
      this.#rows = [];
      this.#from = from;
      this.#to = from - 1;
    }
    while (this.#to < to) {
      this.#to += 1;
      const fact = this.#record.fact(this.#to);
      if (fact !== undefined) this.#rows.push(...notesOf(fact));
    }
    return to === this.#to ? this.#rows : this.#rows.filter(({ seq }) => seq <= to);
  }
}
