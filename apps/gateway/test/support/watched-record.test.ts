import type { RunEvent } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { disagreements, faultsOf, resumed, type WatchedRecord } from "./watched-record.ts";

/** Makes a record from a sketch: `type` is a fact, `+text` a delta. Positions and `prev` follow from the order. */
function recordOf(...sketch: readonly (string | { readonly type: string; readonly data: object })[]): RunEvent[] {
  let seq = 0;
  let sub = 0;
  return sketch.map((event): RunEvent => {
    const runId = "01900000-0000-7000-8000-000000000000";
    const ts = "2026-01-01T00:00:00.000Z";
    if (typeof event === "string" && event.startsWith("+")) {
      sub += 1;
      return {
        id: `${seq}-${sub}`,
        runId,
        ts,
        type: "text.delta",
        data: { step: 1, partId: "p", text: event },
      };
    }
    const prev = `${seq}-${sub}`;
    seq += 1;
    sub = 0;
    const { type, data } = typeof event === "string" ? { type: event, data: {} } : event;
    return { id: `${seq}-0`, prev, runId, ts, type, data } as unknown as RunEvent;
  });
}

const requested = { type: "tool.requested", data: { callId: "c" } };
const settled = { type: "tool.completed", data: { callId: "c", result: 1 } };
const completed = recordOf(
  "run.created",
  "run.started",
  "step.started",
  "+a",
  "+b",
  "+c",
  "step.completed",
  requested,
  settled,
  "run.completed",
);
/** A gateway died after three deltas were seen, two of them in Postgres. Another gateway took the run over. */
const cutShort = withPrev(
  recordOf(
    "run.created",
    "run.started",
    "step.started",
    "+a",
    "+b",
    "+c",
    "run.recovered",
    "step.discarded",
    "step.started",
    "+a",
    "step.completed",
    "run.completed",
  ),
  "4-0",
  "3-2",
);

function withPrev(record: readonly RunEvent[], id: string, prev: string): RunEvent[] {
  return record.map((event) => (event.id === id ? ({ ...event, prev } as RunEvent) : event));
}

function without(record: WatchedRecord, ...ids: string[]): WatchedRecord {
  return record.filter(({ id }) => !ids.includes(id));
}

describe("a record by itself", () => {
  test("a whole record has no fault, with a step cut short or without", () => {
    expect(faultsOf(completed)).toEqual([]);
    expect(faultsOf(cutShort)).toEqual([]);
    // As Postgres has it, and as a watcher saw it who saw less than Postgres has.
    expect(faultsOf(without(cutShort, "3-3"))).toEqual([]);
    expect(faultsOf(without(cutShort, "3-2", "3-3"))).toEqual([]);
  });

  test.each(completed.map(({ id }) => id))("a record without %s has a fault", (id) => {
    expect(faultsOf(without(completed, id))).not.toEqual([]);
  });

  test.each(completed.map(({ id }) => id))("a record with %s twice, at once or later, has a fault", (id) => {
    const index = completed.findIndex((event) => event.id === id);
    expect(faultsOf(completed.toSpliced(index, 0, ...completed.slice(index, index + 1)))).not.toEqual([]);
    expect(faultsOf([...completed, ...completed.slice(index, index + 1)])).not.toEqual([]);
  });

  test("two adjacent events in the wrong order are a fault (R2)", () => {
    for (let i = 1; i < completed.length; i += 1) {
      const turned = completed.toSpliced(i - 1, 2, ...completed.slice(i - 1, i + 1).toReversed());
      expect(faultsOf(turned), `${i}`).not.toEqual([]);
    }
  });

  test("a fact that names another predecessor than the seen one is a fault (R2)", () => {
    expect(faultsOf(withPrev(completed, "4-0", "3-2"))).toEqual([
      "4-0 names 3-2 as its predecessor and came after 3-3",
    ]);
    expect(faultsOf(withPrev(completed, "6-0", "4-0"))).not.toEqual([]);
  });

  test("a delta missing within a step cut short is a fault (R2)", () => {
    expect(faultsOf(without(cutShort, "3-2"))).toEqual(["a delta is missing after 3-1, before 3-3"]);
  });

  test("a delta after a fact that opens no step is a fault (R2)", () => {
    expect(faultsOf(recordOf("run.created", "+a", "run.completed"))).toEqual([
      "the delta 1-1 hangs under no step.started",
    ]);
  });

  test("a step not closed once, or a call not settled once, is a fault (R2, R7)", () => {
    const twice = recordOf("run.created", "step.started", "step.completed", "step.discarded", "run.completed");
    expect(faultsOf(twice)).toEqual(["4-0 closes a step that is not open"]);
    expect(faultsOf(recordOf("run.created", "step.started", "run.completed"))).toEqual([
      "the step of 2-0 is never closed",
    ]);
    expect(faultsOf(recordOf("run.created", requested, settled, settled, "run.completed"))).toEqual([
      "the call c is settled 2 times",
    ]);
    expect(faultsOf(recordOf("run.created", requested, "run.completed"))).toEqual(["the call c is settled 0 times"]);
  });

  test("a record with two ends or none has a fault (R6)", () => {
    expect(faultsOf(recordOf("run.created", "run.canceled", "run.completed"))).toEqual(["there are 2 terminal facts"]);
    expect(faultsOf(recordOf("run.created"))).toEqual(["there are 0 terminal facts"]);
  });
});

describe("records of one run (R8)", () => {
  test("equal records agree, though their objects differ (R8)", () => {
    expect(disagreements({ one: completed, other: structuredClone(completed) })).toEqual([]);
  });

  test.each(completed.map(({ id }) => id))("records differ where one lacks %s (R8)", (id) => {
    expect(disagreements({ one: completed, other: without(completed, id) })).not.toEqual([]);
    expect(disagreements({ one: without(completed, id), other: completed })).not.toEqual([]);
  });

  test.each(completed.map(({ id }) => id))("records differ where %s has another content (R8)", (id) => {
    const other = completed.map((event) => (event.id === id ? { ...event, ts: "2026-01-01T00:00:00.001Z" } : event));
    expect(disagreements({ one: completed, other })).not.toEqual([]);
  });

  test("records may end a step cut short anywhere, and nothing else (R8)", () => {
    const seen = [[], ["3-3"], ["3-2", "3-3"], ["3-1", "3-2", "3-3"]].map((ids) => without(cutShort, ...ids));
    expect(disagreements(Object.fromEntries(seen.entries()))).toEqual([]);
    expect(disagreements({ whole: cutShort, other: without(cutShort, "3-1") })).not.toEqual([]);
    expect(disagreements({ whole: cutShort, other: without(cutShort, "6-1") })).toEqual([
      "other has 0 of the 1 deltas under 6-0",
    ]);
  });
});

describe("a record that was resumed", () => {
  test("a resumed record is whole at every position, unless the rest lacks an event or has one too many (R8)", () => {
    for (const [i, { id }] of completed.entries()) {
      const rest = completed.slice(i + 1);
      const isRight = (events: WatchedRecord): boolean => {
        const joined = resumed(completed, id, events);
        return [...faultsOf(joined), ...disagreements({ whole: completed, joined })].length === 0;
      };
      expect(isRight(rest)).toBe(true);
      const wrong = [completed.slice(i), ...(rest.length === 0 ? [] : [rest.slice(1), rest.slice(0, -1)])];
      expect(wrong.filter(isRight)).toEqual([]);
    }
  });

  test("a record resumed after a delta that no store has continues with the next event above (R8)", () => {
    const rest = cutShort.filter(({ id }) => Number.parseInt(id, 10) >= 4);
    const joined = resumed(cutShort, "3-3", rest);
    expect(faultsOf(joined)).toEqual([]);
    expect(disagreements({ cutShort, joined })).toEqual([]);
  });
});
