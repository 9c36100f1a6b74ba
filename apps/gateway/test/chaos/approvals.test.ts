import type { RunEvent } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { dispatchedUnapproved, executedUnapproved } from "./approvals.ts";

const callId = "call";

function log(...events: readonly { readonly type: string; readonly data: object }[]): RunEvent[] {
  return events.map(({ type, data }, i) => ({ id: `${i + 1}-0`, runId: "run", type, data }) as unknown as RunEvent);
}

const requested = (toolName: string) => ({ type: "tool.requested", data: { callId, toolName } });
const awaiting = { type: "tool.awaiting_approval", data: { callId } };
const approved = { type: "tool.approved", data: { callId, by: "a person" } };
const denied = { type: "tool.denied", data: { callId, reason: null } };
const dispatched = { type: "tool.dispatched", data: { callId, attempt: 1 } };

describe("a call that must be approved", () => {
  test("a call that is dispatched after its approval, or never, is no fault", () => {
    expect(dispatchedUnapproved(log(requested("device_approved"), awaiting, approved, dispatched))).toEqual([]);
    expect(dispatchedUnapproved(log(requested("server_approved"), awaiting, denied))).toEqual([]);
    expect(dispatchedUnapproved(log(requested("server_once"), dispatched))).toEqual([]);
  });

  test.each<[string, RunEvent[]]>([
    ["is dispatched without a decision", log(requested("device_approved"), awaiting, dispatched)],
    ["is dispatched before its approval", log(requested("server_approved"), awaiting, dispatched, approved)],
    ["is dispatched although it is denied", log(requested("server_approved"), awaiting, denied, dispatched)],
    ["is denied after its approval", log(requested("device_approved"), awaiting, approved, denied)],
  ])("a call that must be approved and %s is a fault", (_, record) => {
    expect(dispatchedUnapproved(record)).toHaveLength(1);
  });

  test("a call that must be approved and executes before is a fault", () => {
    const executions = new Map([
      ["a", { tool: "server_approved", firstAt: 1000 }],
      ["b", { tool: "device_approved", firstAt: 2000 }],
      ["c", { tool: "device_once", firstAt: 3000 }],
    ]);
    const approvedAt = (a: number, b: number): Map<string, number> => new Map(Object.entries({ a, b }));
    expect(executedUnapproved(executions, approvedAt(1000.4, 1500))).toEqual([]);
    expect(executedUnapproved(executions, new Map(Object.entries({ a: 999, c: 999 })))).toEqual([
      "device_approved was executed for b, which was never approved",
    ]);
    expect(executedUnapproved(executions, approvedAt(999, 2007))).toEqual([
      "device_approved was executed for b 7 ms before that was approved",
    ]);
  });
});
