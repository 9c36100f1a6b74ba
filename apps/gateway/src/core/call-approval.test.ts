import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { begun, finished, given, newRun, NOW, proceed } from "../../test/support/given.ts";
import { callApprovalDigest, unlikeApproved } from "./call-approval.ts";
import type { Call } from "./run-state.ts";
import type { KnownDevice, RunInput } from "./input.ts";

const inputSchema = { type: "object" };
const laptop = { name: "wipe", inputSchema, approval: "always" as const, device: { key: "laptop" } };
const approvedBy = (callId: string, more: object = {}): RunInput => ({
  kind: "approval",
  callId,
  approved: true,
  reason: null,
  by: "ann",
  ...more,
});
const proceedWith = (devices: Readonly<Record<string, KnownDevice>>): RunInput => ({ ...proceed, devices }) as RunInput;

describe("what a person is asked", () => {
  test("the question states the tool, the arguments and the recipient, and a digest that anybody can compute", () => {
    const [asked] = given(begun, newRun({ tools: [laptop] })).when(finished(["w", "wipe"]), proceed).facts;
    const recipient = { kind: "device" as const, deviceKey: "laptop", deviceId: "d-1", owner: "ann", ownerId: "key:1" };
    const text = `{"args":{},"callId":"w","recipient":{"deviceId":"d-1","deviceKey":"laptop","kind":"device","owner":"ann","ownerId":"key:1"},"runId":"r","toolName":"wipe"}`;
    expect(asked).toEqual({
      type: "tool.awaiting_approval",
      data: {
        callId: "w",
        expiresAt: new Date(NOW + 24 * 3600 * 1000).toISOString(),
        toolName: "wipe",
        args: {},
        recipient,
        digest: createHash("sha256").update(text).digest("hex"),
      },
    });
  });

  test("another argument, tool, call, run or recipient is another digest", () => {
    const recipient = { kind: "device" as const, deviceKey: "laptop", deviceId: "d-1", owner: "ann", ownerId: "key:1" };
    const call = { runId: "r", callId: "c", toolName: "pay", args: { to: "ann" }, recipient };
    const others = [
      { args: { to: "bob" } },
      { toolName: "refund" },
      { callId: "d" },
      { runId: "s" },
      { recipient: { ...recipient, deviceId: "d-2" } },
      { recipient: { ...recipient, owner: "bob" } },
      { recipient: { ...recipient, ownerId: "key:2" } },
      { recipient: { kind: "external" as const } },
    ].map((change) => callApprovalDigest({ ...call, ...change }));
    expect(new Set([callApprovalDigest(call), ...others]).size).toBe(others.length + 1);
  });

  test.each([
    [
      { type: "http" as const, url: "https://ann:secret@a.b:8443/users/{id}?key=secret" },
      { kind: "http", method: "POST", origin: "https://a.b:8443" },
    ],
    [
      { type: "function" as const, name: "refund" },
      { kind: "function", name: "refund" },
    ],
  ])("a call of the server shows where it goes, and no credential: %o", (server, recipient) => {
    const tools = [{ name: "out", inputSchema, approval: "always" as const, server }];
    const [asked] = given(begun, newRun({ tools })).when(finished(["o", "out"]), proceed).facts;
    expect(asked).toMatchObject({ data: { recipient } });
    expect(JSON.stringify(asked)).not.toContain("secret");
  });

  test("a call that no device could ever take is asked of nobody", () => {
    const tools = [{ name: "tab", inputSchema, approval: "always" as const, target: "browser" as const }];
    const run = given(begun, newRun({ tools })).when(finished(["t", "tab"]), proceed);
    expect(run.facts[0]).toMatchObject({ type: "tool.failed", data: { error: { code: "no_device" } } });
  });

  test.each([
    ["asks by default", {}, "tool.awaiting_approval"],
    ["asks nobody if its author says so", { approval: "never" as const }, "tool.dispatched"],
  ])("a tool that destroys %s", (_what, more, type) => {
    const tools = [{ name: "wipe", inputSchema, destructive: true, device: { key: "laptop" }, ...more }];
    expect(given(begun, newRun({ tools })).when(finished(["w", "wipe"]), proceed).types[0]).toBe(type);
  });

  test("the rules of a tool go before those of its agent, and both are shown", () => {
    const tools = [laptop, { ...laptop, name: "pay", approval: { groups: ["finance"] } }];
    const state = newRun({ tools, approval: { groups: ["ops"], selfApproval: true } });
    const run = given(begun, state).when(finished(["w", "wipe"], ["p", "pay"]), proceed);
    expect(run.facts).toMatchObject([
      { data: { callId: "w", groups: ["ops"], selfApproval: true } },
      { data: { callId: "p", groups: ["finance"], selfApproval: true } },
      { type: "run.waiting" },
    ]);
  });
});

describe("what is approved", () => {
  const asking = given(begun, newRun({ tools: [laptop] })).when(finished(["w", "wipe"]), proceed);
  const digest = asking.state.run.calls.get("w")?.approval?.digest;

  test("the decision says who made it, when, and about what", () => {
    const told = asking.at(NOW + 5000).when(approvedBy("w", { keyId: "k-1", subject: "user-7", digest }));
    expect(told.facts).toEqual([
      { type: "tool.approved", data: { callId: "w", by: "ann", keyId: "k-1", subject: "user-7", digest } },
    ]);
    expect(told.state.run.calls.get("w")?.approval?.decision).toEqual({
      approved: true,
      at: new Date(NOW + 5000).toISOString(),
      by: "ann",
      keyId: "k-1",
      subject: "user-7",
    });
    const denied = asking.when({ ...approvedBy("w"), approved: false } as RunInput);
    expect(denied.facts).toMatchObject([{ type: "tool.denied", data: { by: "ann", reason: null } }]);
  });

  test("a decision about another call than the one that was asked for changes nothing", () => {
    expect(asking.when(approvedBy("w", { digest: "0".repeat(64) })).facts).toEqual([]);
  });

  test.each<[what: string, devices: Readonly<Record<string, KnownDevice>>]>([
    ["another device has its key by then", { laptop: { deviceId: "d-2", owner: "ann", ownerId: "key:1" } }],
    ["the device belongs to somebody else by then", { laptop: { deviceId: "d-1", owner: "bob", ownerId: "key:2" } }],
    [
      "the device belongs to another key of the same name by then",
      { laptop: { deviceId: "d-1", owner: "ann", ownerId: "key:2" } },
    ],
    ["the device was forgotten", {}],
  ])("an approved call is not executed if %s", (_what, devices) => {
    const run = asking.when(approvedBy("w", { digest }), proceedWith(devices));
    expect(run.facts[0]).toMatchObject({ type: "tool.failed", data: { error: { code: "not_as_approved" } } });
    expect(run.types).not.toContain("tool.dispatched");
  });

  test("a device that connected after the question under the key that was approved gets the call", () => {
    const early = given(begun, newRun({ tools: [laptop] })).when(finished(["w", "wipe"]), proceedWith({}));
    const run = early.when(
      approvedBy("w"),
      proceedWith({ laptop: { deviceId: "d-9", owner: "ann", ownerId: "key:1" } }),
    );
    expect(run.facts[0]).toMatchObject({ type: "tool.dispatched", data: { deviceId: "d-9" } });
  });

  test("a device whose owner's key has another name by now gets the call", () => {
    const renamed = { laptop: { deviceId: "d-1", owner: "ann's laptop", ownerId: "key:1" } };
    const run = asking.when(approvedBy("w", { digest }), proceedWith(renamed));
    expect(run.types).toContain("tool.dispatched");
  });

  test("of a question that knows the owner by name alone, the name counts", () => {
    const recipient = { kind: "device", deviceKey: "laptop", deviceId: "d-1", owner: "ann" } as const;
    const now = { ...recipient, ownerId: "key:1" };
    const call = { runId: "r", callId: "c", toolName: "wipe", args: {} };
    const approval = { recipient, digest: callApprovalDigest({ ...call, recipient }) };
    const why = (owner: string) => unlikeApproved("r", { ...call, approval } as unknown as Call, { ...now, owner });
    expect([why("ann"), why("bob")]).toEqual([null, expect.stringContaining("another one")]);
  });

  test("a call that a gateway of an earlier version asked for can still be decided", () => {
    const expiresAt = new Date(NOW + 1000).toISOString();
    const before = given(
      [
        ...begun,
        { type: "step.completed", data: { step: 1, finishReason: "tool-calls", messages: [], usage: {} } },
        { type: "tool.requested", data: { callId: "w", toolName: "wipe", args: {}, target: "device", step: 1 } },
        { type: "tool.awaiting_approval", data: { callId: "w", expiresAt } },
        { type: "run.waiting", data: { callIds: ["w"] } },
      ],
      newRun({ tools: [laptop] }),
    );
    expect(before.when(approvedBy("w"), proceed).types).toEqual(["tool.dispatched"]);
  });
});
