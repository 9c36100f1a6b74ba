import type { Position } from "@hsafa/protocol";
import { type EventRecord, isTerminal, wireJson } from "../core/event-record.ts";
import type { EventFormat, FormattableEvent } from "./event-format.ts";

/**
 * An event as a follower keeps it: its JSON, and its bytes in each format that was asked for. It owns its bytes: a
 * record's strings may be slices of a whole message of the live log, which they would keep in memory.
 */
export class FollowedEvent implements FormattableEvent {
  readonly position: Position | null;
  readonly json: Buffer;
  /** Whether it is the run's last. */
  readonly terminal: boolean;
  #encodings: { readonly format: EventFormat; readonly bytes: Buffer }[] | null = null;
  #byteLength: number;
  #onGrown: ((bytes: number) => void) | null = null;

  private constructor(position: Position | null, json: string, terminal: boolean) {
    this.position = position;
    this.json = Buffer.from(json);
    this.terminal = terminal;
    this.#byteLength = this.json.length;
  }

  /** The event of a record of this run. */
  static of(runId: string, record: EventRecord): FollowedEvent {
    const { seq, sub } = record;
    return new FollowedEvent({ seq, sub }, wireJson(runId, record), isTerminal(record));
  }

  /** A `tool.progress` event. */
  static progress(json: string): FollowedEvent {
    return new FollowedEvent(null, json, false);
  }

  /** Bytes that it holds in memory, in all its forms. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Returns its bytes in a format, made once. */
  in(format: EventFormat): Buffer {
    const known = this.#encodings?.find((encoding) => encoding.format === format);
    if (known !== undefined) return known.bytes;
    const bytes = format.encode(this);
    (this.#encodings ??= []).push({ format, bytes });
    if (bytes !== this.json) {
      this.#byteLength += bytes.length;
      this.#onGrown?.(bytes.length);
    }
    return bytes;
  }

  /** Tells from now on by how many bytes it grows, or with null nobody. */
  watchGrowth(onGrown: ((bytes: number) => void) | null): void {
    this.#onGrown = onGrown;
  }
}
