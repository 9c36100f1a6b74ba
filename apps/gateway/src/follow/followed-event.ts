import { formatPlace, type Position, type StreamRewoundEvent } from "@hsafa/protocol";
import { type EventRecord, isTerminal, wireJson } from "../core/event-record.ts";
import type { EventFormat, FormattableEvent } from "./event-format.ts";

/**
 * An event as a follower keeps it: its JSON, and its bytes in each format that was asked for. It owns its bytes: a
 * record's strings may be slices of a whole message of the live log, which they would keep in memory.
 */
export class FollowedEvent implements FormattableEvent {
  readonly position: Position | null;
  readonly id: string | null;
  readonly json: Buffer;
  /** Whether it is the run's last. */
  readonly terminal: boolean;
  #encodings: { readonly format: EventFormat; readonly bytes: Buffer }[] | null = null;
  #byteLength: number;
  #onGrown: ((bytes: number) => void) | null = null;

  private constructor(position: Position | null, id: string | null, json: string, terminal: boolean) {
    this.position = position;
    this.id = id;
    this.json = Buffer.from(json);
    this.terminal = terminal;
    this.#byteLength = this.json.length;
  }

  /** The event of a record of this run, in the generation of the store with this tag. */
  static of(runId: string, record: EventRecord, tag: string): FollowedEvent {
    const { seq, sub } = record;
    return new FollowedEvent({ seq, sub }, formatPlace(record, tag), wireJson(runId, record, tag), isTerminal(record));
  }

  /** A `tool.progress` event. */
  static progress(json: string): FollowedEvent {
    return new FollowedEvent(null, null, json, false);
  }

  /** Tells a watcher that the run's events follow from the first one. */
  static rewound(event: StreamRewoundEvent): FollowedEvent {
    return new FollowedEvent(null, null, JSON.stringify(event), false);
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
