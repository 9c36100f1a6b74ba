import { expect, test } from "vitest";
import type { DeviceExpectation } from "./device-case.ts";
import { judgeDeviceCase, type SeenDevice } from "./judge-device-case.ts";

const GOOD: SeenDevice = {
  status: "completed",
  calls: [{ status: "completed", result: { n: 1 }, error: null }],
  connections: [
    { openedAt: 0, closedAt: 1000, bootId: "a" },
    { openedAt: 1200, closedAt: null, bootId: "a" },
  ],
  sent: { "tool.result": 1 },
  now: 5000,
};

test.each<[string, DeviceExpectation, Partial<SeenDevice>, RegExp]>([
  ["the run ended otherwise", {}, { status: "failed" }, /the run is failed, not completed/],
  ["a call is missing", { calls: [{ result: { n: 1 } }] }, { calls: [] }, /has 0 calls, not 1/],
  ["a result differs", { calls: [{ result: { n: 2 } }] }, {}, /call 1 ended as .*"n":1.*, not .*"n":2/],
  ["a result is no error", { calls: [{ error: true }] }, {}, /call 1 ended as/],
  [
    "an error says something else",
    { calls: [{ error: "b" }] },
    { calls: [{ status: "failed", result: null, error: { code: "tool_failed", message: "a" } }] },
    /call 1 ended as/,
  ],
  ["a text is shorter", { calls: [{ resultLength: 3 }] }, { calls: [{ ...call("ab") }] }, /call 1 ended as/],
  ["there are more connections", { connections: 1 }, {}, /made 2 connections, not 1/],
  ["it lost its memory", { boots: 2 }, {}, /registered with 1 values of bootId, not 2/],
  ["a message came again", { sent: { "tool.result": 1 } }, { sent: { "tool.result": 2 } }, /sent tool.result 2 times/],
  ["a message came at all", { sent: { "tool.progress": 1 } }, {}, /sent tool.progress 0 times, not 1/],
  ["it came back too late", { returnsWithinMs: 100 }, {}, /came back after 200 ms, and 100 are allowed/],
  ["it came back without a pause", { returnsAfterMs: 300 }, {}, /came back after 200 ms, and a pause of 300 is due/],
  ["it should stay away", { staysAwayMs: 1000 }, {}, /came back after 200 ms/],
  ["nobody waited", { staysAwayMs: 9000 }, { connections: GOOD.connections.slice(0, 1) }, /not known yet/],
  ["it never came back", { returnsWithinMs: 100 }, { connections: GOOD.connections.slice(0, 1) }, /did not come back/],
  ["it never left", { staysAwayMs: 1 }, { connections: [{ openedAt: 0, closedAt: null, bootId: "a" }] }, /not ended/],
])("it is a fault that %s", (_, expectation, change, fault) => {
  expect(judgeDeviceCase({ expect: expectation }, { ...GOOD, ...change })).toEqual([expect.stringMatching(fault)]);
});

test("what is as the case wants it has no fault", () => {
  const wanted: DeviceExpectation = {
    calls: [{ result: { n: 1 } }],
    connections: 2,
    boots: 1,
    sent: { "tool.result": 1 },
    returnsWithinMs: 300,
    returnsAfterMs: 100,
  };
  expect(judgeDeviceCase({ expect: wanted }, GOOD)).toEqual([]);
});

function call(result: string): SeenDevice["calls"][number] {
  return { status: "completed", result, error: null };
}
