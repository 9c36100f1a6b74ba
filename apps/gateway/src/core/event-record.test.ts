import { START } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { accept, acceptFromStore, type EventRecord, isTerminal, parseFact, wireJson } from "./event-record.ts";

const ts = Date.parse("2026-11-22T12:00:00.123Z");
const fact = (seq: number, prev: [number, number], type: EventRecord["type"] = "step.started"): EventRecord => ({
  seq,
  sub: 0,
  prev: { seq: prev[0], sub: prev[1] },
  type,
  ts,
  payload: '{"step":1}',
});
const delta = (seq: number, sub: number): EventRecord => ({
  seq,
  sub,
  prev: null,
  type: "text.delta",
  ts,
  payload: "{}",
});
const at = (seq: number, sub: number) => ({ seq, sub });

describe("a reader", () => {
  test("a reader at the start takes the first fact", () => {
    expect(accept(START, fact(1, [0, 0]))).toBe("take");
  });

  test("a reader drops an event that it has seen", () => {
    expect(accept(at(7, 2), delta(7, 2))).toBe("drop");
    expect(accept(at(7, 2), fact(7, [6, 0]))).toBe("drop");
  });

  test("a reader takes a delta only as the direct successor", () => {
    expect(accept(at(7, 2), delta(7, 3))).toBe("take");
    expect(accept(at(7, 2), delta(7, 4))).toBe("gap");
    expect(accept(at(6, 0), delta(7, 1))).toBe("gap");
  });

  test("a reader takes a fact only when it has seen the event before it", () => {
    expect(accept(at(7, 4), fact(8, [7, 4]))).toBe("take");
    expect(accept(at(7, 3), fact(8, [7, 4]))).toBe("gap");
  });

  test("a reader with deltas that the store never got takes the fact that discards their step", () => {
    expect(accept(at(7, 9), fact(8, [7, 4]))).toBe("take");
  });

  test("a reader of the store passes compacted deltas, but only by a later fact", () => {
    expect(acceptFromStore(at(7, 0), fact(8, [7, 500]))).toBe("take");
    expect(acceptFromStore(at(7, 0), delta(7, 2))).toBe("gap");
  });
});

describe("an event on the wire", () => {
  test("an event on the wire is the JSON of the contract, with its payload as it was serialised", () => {
    expect(JSON.parse(wireJson("r", fact(8, [7, 4]), ""))).toEqual({
      id: "8-0",
      prev: "7-4",
      runId: "r",
      type: "step.started",
      ts: "2026-11-22T12:00:00.123Z",
      data: { step: 1 },
    });
    expect(JSON.parse(wireJson("r", delta(7, 3), ""))).not.toHaveProperty("prev");
  });

  test("an event on the wire reads back as the fact it was", () => {
    expect(parseFact(fact(8, [7, 4]))).toEqual({ type: "step.started", data: { step: 1 } });
  });

  test("a terminal event is recognised as the last one", () => {
    expect(isTerminal(fact(8, [7, 0], "run.canceled"))).toBe(true);
    expect(isTerminal(fact(8, [7, 0]))).toBe(false);
  });
});
