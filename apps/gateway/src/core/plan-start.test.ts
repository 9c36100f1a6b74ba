import { START_POLICIES } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { planStart, policyOf } from "./plan-start.ts";

const open = [
  { runId: "active", agentId: "ours" },
  { runId: "waiting", agentId: "other" },
];

test("on a thread without an open run every policy starts, and touches nothing", () => {
  for (const policy of START_POLICIES)
    expect(planStart(policy, [], "ours")).toEqual({ kind: "start", cancels: [], steers: null });
});

test("a message is queued, refused, or ends every run before it, as its policy says", () => {
  expect(planStart("queue", open, "ours")).toEqual({ kind: "start", cancels: [], steers: null });
  expect(planStart("reject", open, "ours")).toEqual({ kind: "busy", runId: "active" });
  expect(planStart("interrupt", open, "ours")).toEqual({ kind: "start", cancels: ["active", "waiting"], steers: null });
});

test("a message steers the active run of its own agent, and never that of another one", () => {
  expect(planStart("steer", open, "ours")).toEqual({ kind: "start", cancels: [], steers: "active" });
  expect(planStart("steer", open, "other")).toEqual({ kind: "start", cancels: [], steers: null });
});

test("a start that names no policy has that of its agent, and waits where it cannot steer", () => {
  expect(policyOf("reject", undefined, "steer")).toBe("reject");
  expect(policyOf("queue", { maySteer: true }, undefined)).toBe("queue");
  expect(policyOf("queue", { maySteer: true }, "steer")).toBe("steer");
  expect(policyOf("queue", { maySteer: false }, "steer")).toBe("queue");
  expect(policyOf("queue", { maySteer: false }, "interrupt")).toBe("interrupt");
});
