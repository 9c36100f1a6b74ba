import type { DeltaEvent, FactEvent } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { RunRecord } from "../record/run-record.ts";
import { type EventRow, type EventRows, eventRows } from "./event-rows.ts";
import { FactSearch } from "./fact-search.ts";

const ts = "2026-11-29T12:00:00.000Z";
const fact = (seq: number, type: string, prev: string, data: object = {}): FactEvent =>
  ({ id: `${seq}-0`, prev, runId: "r", ts, type, data }) as unknown as FactEvent;
const delta = (id: string): DeltaEvent =>
  ({ id, runId: "r", ts, type: "text.delta", data: { step: 1, partId: "p", text: "x" } }) as unknown as DeltaEvent;

const none: ReadonlySet<number> = new Set();

function aRecord(): RunRecord {
  const record = new RunRecord();
  record.begin(5, "");
  record.addFacts([
    fact(3, "step.started", "2-0", { step: 1 }),
    fact(4, "step.completed", "3-12", { step: 1, messages: [] }),
    fact(5, "run.failed", "4-0", { error: { code: "Busy", message: "too many" } }),
  ]);
  return record;
}

const rowsIn = ({ count, at }: EventRows): EventRow[] =>
  Array.from({ length: count }, (_, index) => at(index)).filter((row) => row !== undefined);

test("what was not read has its row, so that a list is never shorter than the run", () => {
  const rows = rowsIn(eventRows({ record: aRecord(), found: null, opened: none, end: 5 }));
  expect(rows.map(({ kind, seq }) => `${kind} ${seq}`)).toEqual(["unread 1", "unread 2", "fact 3", "fact 4", "fact 5"]);
});

test("deltas are counted without being read, and shown once they were", () => {
  const record = aRecord();
  const [row] = rowsIn(eventRows({ record, found: [3], opened: none, end: 5 }));
  expect(row).toMatchObject({ seq: 3, deltas: 12, isOpen: false });
  record.setDeltas(3, [delta("3-1"), delta("3-2")]);
  const opened = eventRows({ record, found: null, opened: new Set([3, 4]), end: 5 });
  expect(rowsIn(opened).map(({ kind }) => kind)).toEqual([
    "unread",
    "unread",
    "fact",
    "delta",
    "delta",
    "fact",
    "fact",
  ]);
  expect([opened.indexOf(3), opened.indexOf(4), opened.indexOf(9), opened.at(7)]).toEqual([2, 5, 6, undefined]);
});

test("of what was found, the place of any fact is that of the last one before it", () => {
  const found = eventRows({ record: aRecord(), found: [2, 4, 5], opened: none, end: 4 });
  expect(rowsIn(found).map(({ seq }) => seq)).toEqual([2, 4]);
  expect([1, 2, 3, 4].map(found.indexOf)).toEqual([-1, 0, 0, 1]);
});

test("a search finds words in any field, in any case, and goes on with facts that come", () => {
  const record = new RunRecord();
  record.addFacts([fact(1, "message.user", "0-0", { message: { role: "user", content: "Busy?" } })]);
  const search = new FactSearch(record, { text: "busy", type: "" });
  expect([search.goOn(10), search.found]).toEqual([false, [1]]);
  record.addFacts([
    fact(2, "step.started", "1-0", { step: 1 }),
    fact(3, "run.failed", "2-0", { error: { code: "Busy", message: "too many" } }),
  ]);
  expect([search.goOn(1), search.searched, search.goOn(1), search.found]).toEqual([true, 2, false, [1, 3]]);
});
