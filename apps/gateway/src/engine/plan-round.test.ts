import type { Fact } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { asked, begun, claimed, config, created, NOW, started } from "../../test/support/given.ts";
import { evolve, initialState } from "../core/evolve.ts";
import type { OutsideInput, RunInput } from "../core/input.ts";
import { APPROVAL_TIMEOUT_MS, RECORD_BYTES_MAX } from "../core/limits.ts";
import type { PendingInput } from "../ports/fleet-store.ts";
import { planRound, type RoundParams } from "./plan-round.ts";

const message: OutsideInput = { kind: "message", message: { role: "user", content: "and?" } };
const steer = { kind: "steer" as const, runId: "s", messages: [{ role: "user" as const, content: "rather that" }] };
const cancel: OutsideInput = { kind: "cancel", reason: "enough" };
const finished = (calls: Extract<RunInput, { kind: "step_finished" }>["calls"] = []): RunInput => ({
  kind: "step_finished",
  finishReason: "stop",
  messages: [{ role: "assistant", content: "done" }],
  usage: {},
  calls,
});
const call = (toolName: string) => ({ callId: `c-${toolName}`, toolName, args: {}, invalid: null });
const requested = (toolName: string, target: "external" | "server" | "device"): Fact[] => [
  { type: "step.completed", data: { step: 1, finishReason: "tool-calls", messages: [], usage: {} } },
  { type: "tool.requested", data: { callId: `c-${toolName}`, toolName, args: {}, target, step: 1 } },
  { type: "tool.dispatched", data: { callId: `c-${toolName}`, attempt: 1, deadline: null } },
];
const parked: Fact[] = [
  ...begun,
  ...requested("ask", "external"),
  { type: "run.waiting", data: { callIds: ["c-ask"] } },
];

function plan(
  facts: readonly Fact[],
  params: Partial<Omit<RoundParams, "inbox">> & { inputs?: OutsideInput[]; count?: number; resultsUnread?: boolean },
) {
  const state = facts.reduce(
    (before, fact) => evolve(before, fact, NOW),
    initialState({ runId: "r", config: config(), deviceKey: null }),
  );
  const inputs = (params.inputs ?? []).map((input, index): PendingInput => ({ inputId: `${index + 1}`, input }));
  const round = planRound({
    state,
    recordBytes: 0,
    epoch: 2,
    reports: [],
    dispatchContext: { devices: {}, dispatches: {} },
    agents: {},
    partial: "",
    leaving: "no",
    now: NOW,
    ...params,
    inbox: { count: params.count ?? inputs.length, inputs, resultsUnread: params.resultsUnread ?? false },
  });
  return { ...round, types: round.facts.map((fact) => fact.type) };
}

describe("a round", () => {
  test("a message that comes while the last step ends keeps the run going", () => {
    const round = plan(begun, { reports: [finished()], inputs: [message] });
    expect(round.types).toEqual(["step.completed", "message.user", "step.started"]);
    expect(round).toMatchObject({ consumed: ["1"], release: null, inboxMustBe: 1 });
  });

  test("a message of another run enters before the model is asked again, and ends that run by the same commit", () => {
    const round = plan(begun, { reports: [finished()], inputs: [steer] });
    expect(round.types).toEqual(["step.completed", "message.user", "step.started"]);
    expect(round.facts[1]).toMatchObject({ data: { message: steer.messages[0], mergedRunId: "s" } });
    const record = { seq: 3, sub: 0, prev: { seq: 2, sub: 0 }, type: "run.merged", payload: '{"into":"r"}', ts: NOW };
    expect(round).toMatchObject({ consumed: ["1"], merges: [{ runId: "s", record }] });
    // While a step is open it waits.
    expect(plan(begun, { inputs: [steer] })).toMatchObject({ types: [], consumed: [], merges: [] });
  });

  test("a step begins only while no input waits unseen: what was accepted before is before the model", () => {
    expect(plan(begun, { reports: [finished()], inputs: [message] })).toMatchObject({ inboxMustBe: 1 });
    expect(plan([created], { reports: [claimed(false)] })).toMatchObject({
      types: ["run.started", "step.started"],
      inboxMustBe: 0,
    });
  });

  test("a message whose run is gone is dropped: it is that run's to answer, and is never said twice", () => {
    const gone: OutsideInput = { ...steer, isGone: true };
    expect(plan(parked, { inputs: [gone] })).toMatchObject({ types: [], consumed: ["1"], merges: [], inboxMustBe: 1 });
  });

  test("a run that ends takes no other run's message: neither beside a cancel nor in the round of its failure", () => {
    const beside = plan(parked, { inputs: [steer, cancel] });
    expect(beside).toMatchObject({ merges: [], consumed: ["1", "2"] });
    expect(beside.types).toEqual(["tool.failed", "run.canceled"]);
    const full = plan(begun, { reports: [finished()], inputs: [steer], recordBytes: RECORD_BYTES_MAX });
    expect(full).toMatchObject({ types: ["step.completed", "run.completed"], merges: [], consumed: ["1"] });
  });

  test("an end is committed only while no input waits unseen", () => {
    expect(plan(begun, { reports: [finished()] })).toMatchObject({
      types: ["step.completed", "run.completed"],
      release: { wakeAt: null },
      inboxMustBe: 0,
    });
  });

  test("a cancel and the completion of the last step at the same moment: whichever is committed first is the one end, and the other changes nothing", () => {
    // Seen together: the step had ended, and somebody wanted no more of it.
    const together = plan(begun, { reports: [finished()], inputs: [cancel] });
    expect(together.types).toEqual(["step.completed", "run.canceled"]);
    expect(together).toMatchObject({ consumed: ["1"], inboxMustBe: 1 });
    // The completion is committed only where no cancel waits, and a cancel that comes after finds an ended run.
    expect(plan(begun, { reports: [finished()] })).toMatchObject({ inboxMustBe: 0 });
    const ended = [...begun, ...plan(begun, { reports: [finished()] }).facts];
    expect(plan(ended, { inputs: [cancel] }).types).toEqual([]);
  });

  test("a cancel wins over the failure of a step at the same moment: a client that was told of the cancel finds no failed run", () => {
    const failed: RunInput = {
      kind: "step_failed",
      failure: { kind: "bad_request", message: "no", retryAfterMs: null },
      jitter: 0,
    };
    const together = plan(begun, { reports: [failed], inputs: [cancel], partial: "half" });
    expect(together.types).toEqual(["step.discarded", "run.canceled"]);
    expect(together.facts[0]?.data).toEqual({ step: 1, reason: "cancel", partial: "half" });
    // One that fails is committed only where no cancel waits.
    expect(plan(begun, { reports: [failed] })).toMatchObject({
      types: ["step.discarded", "run.failed"],
      inboxMustBe: 0,
    });
  });

  test("an approval and its expiry at the same moment: one that was accepted before the expiry was committed is seen, one that came later changes nothing", () => {
    const { facts } = plan(begun, { reports: [finished([call("pay")])] });
    const waiting = [...begun, ...facts];
    expect(facts.map((fact) => fact.type)).toContain("tool.awaiting_approval");
    const approval: OutsideInput = { kind: "approval", callId: "c-pay", approved: true, reason: null, by: "ann" };
    const atExpiry = NOW + APPROVAL_TIMEOUT_MS;
    const approved = plan(waiting, { inputs: [approval], now: atExpiry });
    expect(approved.types).toContain("tool.approved");
    expect(approved.types).not.toContain("tool.expired");
    const expired = plan(waiting, { now: atExpiry });
    expect(expired.types).toContain("tool.expired");
    expect(expired.inboxMustBe).toBe(0);
    expect(plan([...waiting, ...expired.facts], { inputs: [approval], now: atExpiry }).types).not.toContain(
      "tool.approved",
    );
  });

  test("a run whose record is full ends without a look at the messages that wait, but not before it has read the results", () => {
    const full = { inputs: [message], count: 300, recordBytes: RECORD_BYTES_MAX - 10 };
    const ended = plan(parked, full);
    expect(ended.types).toEqual(["message.user", "tool.failed", "run.failed"]);
    expect(ended).toMatchObject({ more: false, inboxMustBe: 300, release: { wakeAt: null } });
    const waiting = plan(parked, { ...full, resultsUnread: true });
    expect(waiting).toMatchObject({ types: ["message.user"], more: true, release: null });
  });

  test("a park is committed only while exactly the inputs seen wait", () => {
    const round = plan(begun, { reports: [finished([call("ask")])], inputs: [message] });
    expect(round.types.at(-1)).toBe("run.waiting");
    expect(round).toMatchObject({ release: { wakeAt: null }, inboxMustBe: 1, consumed: ["1"] });
  });

  test("a cancel in the middle of a step ends the run with the text so far, though more waits than was read", () => {
    const round = plan(begun, { inputs: [message, cancel], count: 300, partial: "half a sen" });
    expect(round.types).toEqual(["step.discarded", "run.canceled"]);
    expect(round.facts[0]?.data).toEqual({ step: 1, reason: "cancel", partial: "half a sen" });
    expect(round.consumed.toSorted()).toEqual(["1", "2"]);
    expect(round).toMatchObject({ release: { wakeAt: null }, inboxMustBe: 300, more: false });
  });

  test("a cancel that comes before a result was read waits for it: the result was accepted, so it settles its call", () => {
    const facts = [...begun, ...requested("ask", "external")];
    expect(plan(facts, { inputs: [cancel, message], count: 300, resultsUnread: true })).toMatchObject({
      types: ["message.user"],
      consumed: ["2"],
      more: true,
    });
    expect(plan(facts, { inputs: [cancel] }).types).toEqual(["tool.failed", "run.canceled"]);
  });

  test("a cancel beside more messages than one read returns ends the run at once, and the end counts them all", () => {
    const facts = [...begun, ...requested("ask", "external")];
    const round = plan(facts, { inputs: [cancel, message], count: 300 });
    expect(round.types).toEqual(["tool.failed", "run.canceled"]);
    expect(round).toMatchObject({ release: { wakeAt: null }, inboxMustBe: 300, more: false });
  });

  test("more cancels than one read returns do not keep a result from being read", () => {
    const facts = [...begun, ...requested("ask", "external")];
    const round = plan(facts, { inputs: [cancel, cancel, cancel], count: 300, resultsUnread: true });
    expect(round).toMatchObject({ types: [], consumed: ["2", "3"], more: true, inboxMustBe: 300 });
  });

  test("an accepted result settles its call, although a cancel or the loss of its device came first", () => {
    const facts = [...begun, ...requested("ask", "external"), ...requested("look", "device").slice(1)];
    const inputs: OutsideInput[] = [
      { kind: "dispatch_lost", callId: "c-look", attempt: 1 },
      cancel,
      {
        kind: "tool_result",
        callId: "c-look",
        outcome: { kind: "completed", result: 1 },
        source: "device",
        deviceId: "d",
      },
    ];
    expect(plan(facts, { inputs }).types).toEqual(["tool.completed", "tool.failed", "run.canceled"]);
  });

  test("inputs that change nothing are consumed once, though the statement is sent twice and the first is under way still", () => {
    const answered: Fact[] = [
      ...begun,
      ...requested("look", "device"),
      { type: "tool.completed", data: { callId: "c-look", toolName: "look", result: 1, source: "device" } },
      { type: "tool.requested", data: { callId: "c-do", toolName: "do", args: {}, target: "server", step: 1 } },
      { type: "tool.dispatched", data: { callId: "c-do", attempt: 1, deadline: null } },
    ];
    const tooLate: OutsideInput = { kind: "dispatch_lost", callId: "c-look", attempt: 1 };
    const round = plan(answered, { inputs: [tooLate] });
    // It leaves no fact by which a second try would know that the first was written.
    expect(round).toMatchObject({ types: [], consumed: ["1"], release: null, inboxMustBe: 1 });
  });

  test("a call is given up as lost only when no answer waits unseen", () => {
    const facts = [...begun, ...requested("look", "device")];
    const inputs: OutsideInput[] = [{ kind: "dispatch_lost", callId: "c-look", attempt: 1 }];
    expect(plan(facts, { inputs })).toMatchObject({ types: ["tool.failed", "step.started"], inboxMustBe: 1 });
    const unread = plan(facts, { inputs, count: 300, resultsUnread: true });
    expect(unread).toMatchObject({ types: [], consumed: [], more: true });
  });

  test("a gateway that leaves takes an input into account and hands the rest of the work over at once, never to nobody", () => {
    const result: OutsideInput = {
      kind: "tool_result",
      callId: "c-ask",
      outcome: { kind: "completed", result: 1 },
      source: "http",
      deviceId: null,
    };
    for (const leaving of ["when_idle", "now"] as const) {
      const round = plan(parked, { reports: [claimed(false)], inputs: [result], leaving });
      expect(round).toMatchObject({ types: ["tool.completed"], release: { wakeAt: NOW } });
    }
  });

  test("an input that changes nothing is consumed, and the run parks again", () => {
    const lost: OutsideInput = { kind: "dispatch_lost", callId: "c-gone", attempt: 1 };
    const round = plan(parked, { reports: [claimed(false)], inputs: [lost] });
    expect(round).toMatchObject({ facts: [], consumed: ["1"], release: { wakeAt: null }, inboxMustBe: 1 });
  });

  test("while more inputs wait than were read, the run neither proceeds nor parks", () => {
    const round = plan([created, asked("hi"), started], { inputs: [message], count: 5 });
    expect(round).toMatchObject({ types: ["message.user"], release: null, more: true, inboxMustBe: null });
  });

  test("a gateway that leaves begins no step, and hands the run over as due at once", () => {
    const round = plan(begun, { reports: [finished([call("fetch")])], leaving: "when_idle" });
    expect(round.types).toEqual(["step.completed", "tool.requested"]);
    expect(round).toMatchObject({ release: { wakeAt: NOW }, inboxMustBe: null });
  });

  test("a gateway that leaves keeps the lease while its server tools run, and lets go when it must", () => {
    const acting = [...begun, ...requested("fetch", "server")];
    expect(plan(acting, { leaving: "when_idle" })).toMatchObject({ facts: [], release: null });
    expect(plan(acting, { leaving: "now" })).toMatchObject({ facts: [], release: { wakeAt: NOW } });
    expect(plan([...begun], { leaving: "now" }).types).toEqual(["step.discarded"]);
  });

  test("a claim of a lost run closes its step and begins it again in one round", () => {
    const round = plan(begun, { reports: [claimed(true)] });
    expect(round.types).toEqual(["run.recovered", "step.discarded", "step.started"]);
    expect(round.release).toBeNull();
  });
});
