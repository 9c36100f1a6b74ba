import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OPEN_CALLS_PER_SESSION_MAX } from "../ports/limits.ts";
import type { OpenCall } from "../ports/fleet-store.ts";
import { planDeviceCalls, type SentCall, type SessionView } from "./plan-device-calls.ts";

const HERE = { deviceId: "device-1", bootId: "boot-1", connected: true };
const ELSEWHERE = { deviceId: "device-2", bootId: "boot-9", connected: true };

const IN_HAND: SentCall = { kind: "in_hand", runId: "run-1", attempt: 1 };
const ANSWERING: SentCall = { kind: "answering" };
const ANSWERED: SentCall = { kind: "answered" };

function session(sent: Record<string, SentCall> = {}, maxInFlight = 16): SessionView {
  return {
    deviceId: HERE.deviceId,
    bootId: HERE.bootId,
    maxInFlight,
    sent: new Map(Object.entries(sent)),
    drain: "no",
  };
}

function open(callId: string, call: Partial<OpenCall> = {}): OpenCall {
  return {
    callId,
    runId: "run-1",
    parentRunId: null,
    toolName: "read_file",
    args: {},
    attempt: 1,
    deadline: null,
    repeatable: false,
    isForAny: false,
    sentTo: null,
    ...call,
  };
}

function told(view: SessionView, calls: readonly OpenCall[]): string[] {
  return planDeviceCalls(view, calls).map((action) =>
    action.kind === "send" ? `send ${action.call.callId}` : `${action.kind} ${action.callId}`,
  );
}

describe("what a device session does about its calls", () => {
  test("a call that nobody has is sent, and is not sent twice on one connection", () => {
    expect(told(session(), [open("a")])).toEqual(["send a"]);
    expect(told(session({ a: IN_HAND }), [open("a", { sentTo: HERE })])).toEqual([]);
  });

  test("after a reconnect of the same boot a call in hand is sent again, before what is new", () => {
    expect(told(session(), [open("new"), open("old", { sentTo: HERE })])).toEqual(["send old", "send new"]);
  });

  test("a device that drains is sent what it has in hand, and nothing new", () => {
    const draining: SessionView = { ...session(), drain: "asked" };
    expect(told(draining, [open("new"), open("old", { sentTo: HERE })])).toEqual(["send old"]);
    expect(told({ ...session({ a: IN_HAND }), drain: "told" }, [])).toEqual(["cancel a"]);
  });

  test("a call sent before the device lost its memory is never sent again by itself, repeatable or not", () => {
    const before = { ...HERE, bootId: "boot-0", connected: false };
    expect(told(session(), [open("a", { sentTo: before })])).toEqual(["report_lost a"]);
    expect(told(session(), [open("a", { sentTo: before, repeatable: true })])).toEqual(["report_lost a"]);
  });

  test("a call in another device's hand is left alone while that one is connected or the tool is not repeatable", () => {
    const gone = { ...ELSEWHERE, connected: false };
    expect(told(session(), [open("a", { sentTo: ELSEWHERE, repeatable: true })])).toEqual([]);
    expect(told(session(), [open("a", { sentTo: gone })])).toEqual([]);
    expect(told(session(), [open("a", { sentTo: gone, repeatable: true })])).toEqual(["report_lost a"]);
  });

  test("a call settled otherwise is canceled on the device; one it answered is only forgotten", () => {
    expect(told(session({ a: IN_HAND, b: ANSWERED }), [])).toEqual(["cancel a", "forget b"]);
  });

  test("an answered call that a stale list still holds is not sent again, nor is a later attempt of it", () => {
    expect(told(session({ a: ANSWERED }), [open("a", { sentTo: HERE })])).toEqual([]);
    expect(told(session({ a: ANSWERED }), [open("a", { attempt: 2 })])).toEqual([]);
  });

  test("a new attempt goes to the device that has the old one in hand, and is canceled there when it went elsewhere", () => {
    expect(told(session({ a: IN_HAND }), [open("a", { attempt: 2 })])).toEqual(["send a"]);
    expect(told(session({ a: IN_HAND }), [open("a", { attempt: 2, sentTo: ELSEWHERE })])).toEqual(["cancel a"]);
  });

  test("maxInFlight holds calls back until a result frees a hand", () => {
    const calls = ["a", "b", "c"].map((id) => open(id));
    expect(told(session({}, 2), calls)).toEqual(["send a", "send b"]);
    expect(told(session({ a: ANSWERED, b: IN_HAND }, 2), calls)).toEqual(["send c"]);
  });

  test("a call in hand that is not listed is canceled and its hand is free, however many others wait", () => {
    const full = Array.from({ length: OPEN_CALLS_PER_SESSION_MAX }, (_, index) => open(`other-${index}`));
    expect(told(session({ a: IN_HAND }, 1), full)).toEqual(["cancel a", "send other-0"]);
    expect(told(session({ a: ANSWERED, b: IN_HAND }, 1), [open("b", { sentTo: HERE }), ...full])).toEqual(["forget a"]);
  });

  test("while a result is on its way into the store, its call stays in hand and is neither canceled, sent nor forgotten", () => {
    const view = session({ a: ANSWERING }, 1);
    expect(told(view, [open("b")])).toEqual([]);
    expect(told(view, [open("a", { sentTo: HERE }), open("b")])).toEqual([]);
    expect(told(view, [open("a", { attempt: 2 }), open("b")])).toEqual([]);
    expect(told(view, [open("a", { attempt: 2, sentTo: ELSEWHERE }), open("b")])).toEqual([]);
  });

  test("whatever is listed, no more than maxInFlight are in hand, and nothing goes out that another device may have done", () => {
    const callId = fc.constantFrom("a", "b", "c", "d", "e");
    const attempt = fc.integer({ min: 1, max: 3 });
    const sentTo = fc.option(
      fc.record({
        deviceId: fc.constantFrom(HERE.deviceId, ELSEWHERE.deviceId),
        bootId: fc.constantFrom("boot-0", HERE.bootId),
        connected: fc.boolean(),
      }),
    );
    const listedCall = fc.record({ callId, attempt, repeatable: fc.boolean(), sentTo });
    const sentCall = fc.oneof(
      attempt.map((number): SentCall => ({ ...IN_HAND, attempt: number })),
      fc.constantFrom(ANSWERING, ANSWERED),
    );
    fc.assert(
      fc.property(
        fc.uniqueArray(listedCall, { selector: (call) => call.callId }),
        fc.dictionary(callId, sentCall),
        fc.integer({ min: 1, max: 4 }),
        (listed, sent, maxInFlight) => {
          const view = session(sent, maxInFlight);
          const actions = planDeviceCalls(
            view,
            listed.map(({ callId: id, ...call }) => open(id, call)),
          );
          const inHand = new Set([...view.sent].filter(([, call]) => call.kind !== "answered").map(([id]) => id));
          for (const action of actions) if (action.kind === "cancel") inHand.delete(action.callId);
          const before = inHand.size;
          const listedIds = new Set<string>(listed.map(({ callId: id }) => id));
          for (const [id, { kind }] of view.sent) {
            if (listedIds.has(id) || kind === "answering") continue;
            expect(actions).toContainEqual({ kind: kind === "answered" ? "forget" : "cancel", callId: id });
          }
          for (const action of actions) {
            if (action.kind !== "send") continue;
            inHand.add(action.call.callId);
            const { deviceId, bootId } = action.call.sentTo ?? HERE;
            expect([deviceId, bootId]).toEqual([HERE.deviceId, HERE.bootId]);
          }
          expect(inHand.size).toBeLessThanOrEqual(Math.max(maxInFlight, before));
          const sends = actions.flatMap((action) => (action.kind === "send" ? [action.call.callId] : []));
          expect(new Set(sends).size).toBe(sends.length);
        },
      ),
    );
  });
});
