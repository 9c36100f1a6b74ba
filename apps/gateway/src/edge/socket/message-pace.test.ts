import { expect, test } from "vitest";
import { MessagePace } from "./message-pace.ts";

const BOUNDS = { messages: { perSecond: 10, burst: 20 }, bytes: { perSecond: 1000, burst: 2000 } };

test("a client that sends faster than it may is read later, in proportion to what it sent, and owes nothing twice", () => {
  const pace = new MessagePace(BOUNDS);
  for (let count = 0; count < 20; count += 1) {
    pace.charge({ messages: 1, bytes: 1 });
    expect(pace.pay(0)).toBe(0);
  }
  pace.charge({ messages: 1, bytes: 1 });
  expect(pace.pay(0)).toBe(101);
  expect(pace.pay(101)).toBe(0);
  expect(pace.pay(101)).toBe(0);
});

test("large messages are paced by their bytes; one that is larger than the burst is paid at last", () => {
  const pace = new MessagePace(BOUNDS);
  pace.charge({ messages: 1, bytes: 5000 });
  expect(pace.pay(0)).toBe(0);
  pace.charge({ messages: 1, bytes: 1000 });
  const waitMs = pace.pay(0);
  expect(waitMs).toBe(4001);
  expect(pace.pay(waitMs)).toBe(0);
});
