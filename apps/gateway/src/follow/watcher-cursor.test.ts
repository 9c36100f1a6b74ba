import { formatPosition } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { at, delta, fact, RUN } from "../../test/support/follow-world.ts";
import type { EventRecord } from "../core/event-record.ts";
import { EventBatch } from "./event-batch.ts";
import type { EventFormat } from "./event-format.ts";
import { FollowedEvent } from "./followed-event.ts";
import { WatcherCursor } from "./watcher-cursor.ts";

const FORMAT: EventFormat = { encode: ({ json }) => json };

function batchOf(...records: EventRecord[]) {
  const batch = new EventBatch(records.map((record) => FollowedEvent.of(RUN, record, "")));
  const encoded = batch.in(FORMAT);
  return { batch, encoded, sizes: encoded.parts.map(({ length }) => length) };
}

test("a batch that was cut at any byte goes on with exactly the bytes that are missing", () => {
  const whole = batchOf(fact(3, at(2)), delta(3, 1, 10), delta(3, 2), fact(4, at(3, 2)));
  for (let first = 0; first < whole.encoded.byteLength; first++) {
    const cursor = new WatcherCursor(at(2));
    cursor.advance(whole.batch, whole.encoded, first);
    const rest = whole.batch.after(cursor.position);
    const encoded = rest?.in(FORMAT);
    const from = rest && encoded ? cursor.resumeIn(rest, encoded) : null;
    const missing = encoded?.bytes.subarray(from ?? Number.NaN) ?? Buffer.alloc(0);
    expect(missing.equals(whole.encoded.bytes.subarray(first))).toBe(true);
    expect(whole.encoded.endsEvent(first)).toBe(from === 0);
  }
});

test("the position is that of the last whole event, so that a client that was cut never skips one", () => {
  const { batch, encoded, sizes } = batchOf(delta(3, 1), delta(3, 2), delta(3, 3));
  const cursor = new WatcherCursor(at(3));
  cursor.advance(batch, encoded, (sizes[0] ?? 0) + 1);
  expect(formatPosition(cursor.position)).toBe("3-1");
});

test("a write that took nothing keeps what was sent before it", () => {
  const { batch, encoded } = batchOf(delta(3, 1));
  const cursor = new WatcherCursor(at(3));
  cursor.advance(batch, encoded, 5);
  cursor.advance(batch, encoded, 5);
  expect(cursor.resumeIn(batch, encoded)).toBe(5);
});

test("an event at another position, or of another length, is never the rest of one that was begun", () => {
  const begun = batchOf(delta(3, 1));
  const cursor = new WatcherCursor(at(3));
  cursor.advance(begun.batch, begun.encoded, 5);
  for (const other of [batchOf(delta(3, 2)), batchOf(fact(4, at(3))), batchOf(delta(3, 1, 1))]) {
    expect(cursor.resumeIn(other.batch, other.encoded)).toBeNull();
  }
});
