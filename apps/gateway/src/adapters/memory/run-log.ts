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

  /** Returns at most `limit` records after a position, oldest first. */
  after(position: Position, limit: number): EventRecord[] {
    let low = 0;
    let high = this.#records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = this.#records[middle];
      if (record !== undefined && comparePositions(record, position) <= 0) low = middle + 1;
      else high = middle;
    }
    return this.#records.slice(low, low + limit);
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
