import type { RunEvent } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { judgeStreamCase, type SeenStream } from "./judge-stream-case.ts";

const fact = (seq: number): RunEvent =>
  ({ id: `${seq}-0`, runId: "r", type: "run.started", ts: "", data: { epoch: seq } }) as unknown as RunEvent;
const delta = (id: string, text: string): RunEvent =>
  ({ id, runId: "r", type: "text.delta", ts: "", data: { step: 1, partId: "p", text } }) as unknown as RunEvent;

const RECORD = [fact(1), delta("1-1", "to"), delta("1-2", "gether"), fact(2)];
const PRINTED = RECORD.map((event) => JSON.stringify(event));
const GOOD: SeenStream = { lines: PRINTED, requests: [{ after: null, lastSent: "2-0" }], record: RECORD };
const REWOUND = JSON.stringify({ runId: "r", type: "stream.rewound", ts: "", data: { after: "1-1" } });

test("what was printed as it is recorded has no fault, also after a rewind and with deltas that were joined", () => {
  expect(judgeStreamCase({}, GOOD)).toEqual([]);
  expect(judgeStreamCase({}, { ...GOOD, lines: [...PRINTED.slice(0, 2), REWOUND, ...PRINTED] })).toEqual([]);
  expect(judgeStreamCase({}, { ...GOOD, record: [fact(1), delta("1-2", "together"), fact(2)] })).toEqual([]);
});

test.each<[string, Partial<SeenStream>, RegExp]>([
  ["an event came twice", { lines: [...PRINTED, ...PRINTED.slice(1, 2)] }, /printed 1-1 twice/],
  ["a fact is missing", { lines: PRINTED.slice(0, 3) }, /printed 1 facts, and the record has 2/],
  ["a fact was changed", { lines: [...PRINTED.slice(0, 3), JSON.stringify(fact(3))] }, /did not print 2-0/],
  ["a delta is missing", { lines: [PRINTED[0] ?? "", PRINTED[2] ?? "", PRINTED[3] ?? ""] }, /the deltas say 'gether…'/],
  ["a line is no event", { lines: ["id: 1-0"] }, /what is no JSON: id: 1-0/],
  [
    "there was one more request",
    { requests: [...GOOD.requests, { after: "2-0", lastSent: null }] },
    /made 2 requests, not 1/,
  ],
])("it is a fault that %s", (_, change, fault) => {
  expect(judgeStreamCase({}, { ...GOOD, ...change })).toEqual([expect.stringMatching(fault)]);
});

test("it is a fault to go on after another position than the last one", () => {
  const requests = [
    { after: null, lastSent: "1-1" },
    { after: "1-0", lastSent: "2-0" },
  ];
  expect(judgeStreamCase({ requests: 2 }, { ...GOOD, requests })).toEqual([
    "request 2 asked for what comes after 1-0, not 1-1",
  ]);
});
