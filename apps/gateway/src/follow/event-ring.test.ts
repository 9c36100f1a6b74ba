import { queryObjects } from "node:v8";
import { expect, test } from "vitest";
import { at, delta, RUN } from "../../test/support/follow-world.ts";
import type { EventFormat } from "./event-format.ts";
import { EventRing, type RingsBudget } from "./event-ring.ts";
import { FollowedEvent } from "./followed-event.ts";

const DOUBLED: EventFormat = { encode: ({ json }) => Buffer.concat([json, json]) };
const PLAIN: EventFormat = { encode: ({ json }) => json };

function ringOf(bounds: Partial<RingsBudget["bounds"]> = {}) {
  const budget: RingsBudget = {
    bounds: { ringBytesMax: 1e6, laggingRingBytesMax: 1e6, ringsBytesMax: 1e6, ...bounds },
    bytes: 0,
  };
  const ring = new EventRing(at(3), budget);
  const push = (sub: number) => {
    const event = FollowedEvent.of(RUN, delta(3, sub), "");
    ring.push(event);
    return event;
  };
  return { ring, budget, push };
}

test("an event is written once per format, and its bytes in every format count until it is evicted", () => {
  const { ring, budget, push } = ringOf();
  const event = push(1);
  const { length } = event.json;
  expect(event.in(DOUBLED)).toBe(event.in(DOUBLED));
  expect(event.in(PLAIN)).toBe(event.json);
  expect(budget.bytes).toBe(3 * length);
  ring.clear();
  expect(budget.bytes).toBe(0);
  event.in({ ...DOUBLED });
  expect(budget.bytes).toBe(0);
});

test("what formats need evicts the oldest events, like what is added", () => {
  const size = FollowedEvent.of(RUN, delta(3, 1), "").json.length;
  const { ring, budget, push } = ringOf({ ringBytesMax: 4 * size });
  const events = [push(1), push(2), push(3)];
  ring.trim(false);
  expect(ring.after(at(3))).toMatchObject({ kind: "events" });
  for (const event of events) event.in(DOUBLED);
  ring.trim(false);
  expect(budget.bytes).toBeLessThanOrEqual(4 * size);
  expect(ring.after(at(3))).toEqual({ kind: "evicted" });
  expect(ring.after(at(3, 2))).toEqual({ kind: "events", events: [events[2]] });
  expect(ring.after(at(3, 3))).toEqual({ kind: "head" });
});

test("rings of different runs share one bound", () => {
  const size = FollowedEvent.of(RUN, delta(3, 1), "").json.length;
  const { ring, budget, push } = ringOf({ ringsBytesMax: 2 * size });
  const other = new EventRing(at(3), budget);
  other.push(FollowedEvent.of(RUN, delta(3, 1), ""));
  push(1);
  push(2);
  ring.trim(true);
  expect(budget.bytes).toBe(2 * size);
  expect(ring.after(at(3))).toEqual({ kind: "evicted" });
});

test("what was evicted is let go at once, so that bytes not counted are not held either", () => {
  const { ring, push } = ringOf({ ringBytesMax: 2000 });
  for (let sub = 1; sub <= 500; sub++) push(sub);
  ring.trim(false);
  expect(ring.after(at(3, 490)).kind).not.toBe("head");
  expect(queryObjects(FollowedEvent, { format: "count" })).toBeLessThan(20);
});
