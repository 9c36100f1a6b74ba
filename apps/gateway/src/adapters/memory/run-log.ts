import { comparePositions, type Position } from "@hsafa/protocol";
import type { EventRecord } from "../../core/event-record.ts";
import { MEMORY_LIVE_LOG_TRIM_RECORDS } from "./limits.ts";

/** The recent records of one run, in order. */
export class RunLog {
  readonly #records: EventRecord[] = [];
  /** Characters of payload held. */
  characters = 0;
  /** When the last record was taken, by the monotonic clock, in milliseconds. */
  touchedAt: number;

  constructor(now: number) {
    this.touchedAt = now;
  }

  /** Takes the records above the top, and returns them. */
  append(records: readonly EventRecord[]): EventRecord[] {
    const accepted: EventRecord[] = [];
    for (const record of records) {
      const top = this.#records.at(-1);
      if (top !== undefined && comparePositions(record, top) <= 0) continue;
      this.#records.push(record);
      this.characters += record.payload.length;
      accepted.push(record);
    }
    return accepted;
  }

  /** Whether it holds this fact. */
  has(fact: EventRecord): boolean {
    const held = this.#at(fact);
    return held !== undefined && held.type === fact.type && held.ts === fact.ts;
  }

  /** Whether it holds another fact in the place of this one. A position has one fact in a history. */
  hasOther(record: EventRecord): boolean {
    return record.sub === 0 && this.#at(record) !== undefined && !this.has(record);
  }

  #at(position: Position): EventRecord | undefined {
    const at = this.#indexAfter(position) - 1;
    const record = this.#records[at];
    return record !== undefined && comparePositions(record, position) === 0 ? record : undefined;
  }

  /** Returns at most `limit` records after a position, oldest first. */
  after(position: Position, limit: number): EventRecord[] {
    const first = this.#indexAfter(position);
    return this.#records.slice(first, first + limit);
  }

  #indexAfter(position: Position): number {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = this.#records[middle];
      if (record !== undefined && comparePositions(record, position) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Cuts the oldest records beyond these bounds, but never the newest: later records must be above it. */
  trim(bounds: { readonly recordsMax: number; readonly charactersMax: number }): void {
    let cut =
      this.#records.length >= bounds.recordsMax + MEMORY_LIVE_LOG_TRIM_RECORDS
        ? this.#records.length - bounds.recordsMax
        : 0;
    let kept = this.characters;
    for (const record of this.#records.slice(0, cut)) kept -= record.payload.length;
    while (kept > bounds.charactersMax && cut < this.#records.length - 1) {
      kept -= this.#records[cut]?.payload.length ?? 0;
      cut += 1;
    }
    if (cut > 0) this.#records.splice(0, cut);
    this.characters = kept;
  }
}
