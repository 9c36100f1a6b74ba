import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { INBOX_MAX, INPUTS_PER_DRAIN_MAX } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import {
  callOf,
  claim,
  commitOf,
  connect,
  openScene,
  parkWithCall,
  type ParkedRun,
  resultOf,
  type Scene,
  start,
  TS,
} from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function callsOfStore(store: () => Store): void {
  /** Settles the call of a parked run by a commit of the holder. */
  async function settle(scene: Scene, { runId, call, lastSeq }: ParkedRun, status: "expired" | "completed" | "failed") {
    await scene.tenant.enqueueInput({
      by: AN_ACTOR,
      runId,
      input: { kind: "dispatch_lost", callId: call.callId, attempt: 9 },
      dedupe: null,
    });
    const held = await claim(scene, runId);
    const settled = { ...call, status, settledAt: TS + 5 };
    return store().fleet.commit(commitOf(held, ["tool.expired"], { afterSeq: lastSeq, calls: [settled] }));
  }

  describe("tool results", () => {
    test("the first result wins; the same again is a repeat, also after the end; another is refused (R7)", async () => {
      const scene = await openScene(store());
      const parked = await parkWithCall(scene, { target: "external", recipient: null });
      const { runId, call } = parked;
      const from = { kind: "http" as const, runId };
      const submit = (hash: string) => scene.tenant.submitToolResult(resultOf(call.callId, hash, from));
      const outcomes = await Promise.all(["a", "b", "a", "b", "a"].map(submit));
      expect(outcomes.filter((outcome) => outcome.kind === "accepted")).toHaveLength(1);
      const winner = ["a", "b", "a", "b", "a"][outcomes.findIndex((outcome) => outcome.kind === "accepted")] ?? "";
      const loser = winner === "a" ? "b" : "a";
      expect(await submit(winner)).toEqual({ kind: "duplicate", runId });
      expect(await submit(loser)).toEqual({ kind: "conflict", status: "dispatched" });
      const held = await claim(scene, runId);
      const read = await store().fleet.readInbox({ runId, epoch: held.epoch });
      expect(read?.inbox.inputs.map(({ input }) => input)).toEqual([
        {
          kind: "tool_result",
          callId: call.callId,
          outcome: { kind: "completed", result: winner },
          source: "http",
          deviceId: null,
        },
      ]);
      const end = commitOf(held, ["tool.completed", "run.completed"], {
        afterSeq: parked.lastSeq,
        status: "completed",
        calls: [{ ...call, status: "completed", result: winner, source: "http", settledAt: TS }],
        consumed: read?.inbox.inputs.map((input) => input.inputId) ?? [],
        inboxMustBe: 1,
      });
      expect((await store().fleet.commit(end)).kind).toBe("committed");
      expect(await submit(winner)).toEqual({ kind: "duplicate", runId });
      expect(await submit(loser)).toEqual({ kind: "conflict", status: "completed" });
    });

    test("a result is taken only from a device that some attempt was sent to, or over HTTP for the call's own run", async () => {
      const scene = await openScene(store());
      const parked = await parkWithCall(scene, { repeatable: true });
      const { runId, call } = parked;
      const first = await connect(scene);
      const second = await connect(scene);
      const stranger = await connect(scene);
      const { callId } = call;
      const from = (deviceId: string) => ({ kind: "device" as const, deviceId });
      expect((await scene.tenant.submitToolResult(resultOf(callId, "a", from(first.deviceId)))).kind).toBe("not_found");
      expect(await scene.tenant.markSent({ callId, attempt: 1, sessionId: first.sessionId })).toBe(true);
      await scene.tenant.enqueueInput({
        by: AN_ACTOR,
        runId,
        input: { kind: "dispatch_lost", callId, attempt: 1 },
        dedupe: null,
      });
      const held = await claim(scene, runId);
      const again = commitOf(held, ["tool.dispatched"], { afterSeq: parked.lastSeq, calls: [{ ...call, attempt: 2 }] });
      expect((await store().fleet.commit(again)).kind).toBe("committed");
      expect(await scene.tenant.markSent({ callId, attempt: 2, sessionId: second.sessionId })).toBe(true);
      const { tenant } = scene;
      expect((await tenant.submitToolResult(resultOf(callId, "a", from(stranger.deviceId)))).kind).toBe("not_found");
      const elsewhere = await start(scene);
      const wrongRun = { kind: "http" as const, runId: elsewhere.runId };
      expect((await tenant.submitToolResult(resultOf(callId, "a", wrongRun))).kind).toBe("not_found");
      expect((await tenant.submitToolResult(resultOf(v7(), "a", wrongRun))).kind).toBe("not_found");
      expect((await tenant.submitToolResult(resultOf("no id", "a", wrongRun))).kind).toBe("not_found");
      // The device of the first attempt may have performed the call all the same.
      expect((await tenant.submitToolResult(resultOf(callId, "a", from(first.deviceId)))).kind).toBe("accepted");
      expect((await tenant.submitToolResult(resultOf(callId, "b", from(second.deviceId)))).kind).toBe("conflict");
    });

    test("a result that comes after its call expired is refused", async () => {
      const scene = await openScene(store());
      const parked = await parkWithCall(scene);
      expect((await settle(scene, parked, "expired")).kind).toBe("committed");
      const from = { kind: "http" as const, runId: parked.runId };
      expect(await scene.tenant.submitToolResult(resultOf(parked.call.callId, "late", from))).toEqual({
        kind: "conflict",
        status: "expired",
      });
    });

    test("a call that awaits approval, or executes on the server, accepts no result", async () => {
      const scene = await openScene(store());
      const awaiting = await parkWithCall(scene, { status: "awaiting_approval", attempt: 0, dispatchedAt: null });
      const server = await parkWithCall(scene, { target: "server", recipient: null });
      for (const { runId, call } of [awaiting, server]) {
        const outcome = await scene.tenant.submitToolResult(resultOf(call.callId, "a", { kind: "http", runId }));
        expect(outcome).toEqual({ kind: "not_dispatched" });
      }
    });

    test("a flooded run refuses inputs, a device's result too, and accepts them once some inputs were consumed (R9)", async () => {
      const scene = await openScene(store());
      const { runId, call, lastSeq } = await parkWithCall(scene);
      const input = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
      const send = () => scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input, dedupe: null });
      for (let n = 0; n < INBOX_MAX; n++) await send();
      const result = resultOf(call.callId, "a", { kind: "http", runId });
      expect([await send(), await scene.tenant.submitToolResult(result)]).toEqual([
        { kind: "inbox_full" },
        { kind: "inbox_full" },
      ]);
      const held = await claim(scene, runId);
      const read = await store().fleet.readInbox({ runId, epoch: held.epoch });
      expect(read?.inbox.count).toBe(INBOX_MAX);
      const consumed = read?.inbox.inputs.map((waiting) => waiting.inputId) ?? [];
      await store().fleet.commit(commitOf(held, ["message.user"], { afterSeq: lastSeq, consumed }));
      expect(await scene.tenant.submitToolResult(result)).toEqual({ kind: "accepted", runId, taken: null });
      const after = await store().fleet.readInbox({ runId, epoch: held.epoch });
      expect(after?.inbox.count).toBe(INBOX_MAX - INPUTS_PER_DRAIN_MAX + 1);
    });
  });

  describe("tool calls", () => {
    test("a call's row tells which device executed it, and every time on the way", async () => {
      const scene = await openScene(store());
      const parked = await parkWithCall(scene);
      const { callId } = parked.call;
      const { deviceId, sessionId } = await connect(scene, { deviceKey: "the-laptop" });
      await scene.tenant.markSent({ callId, attempt: 1, sessionId });
      await scene.tenant.markAccepted({ callId, deviceId });
      await scene.tenant.markAccepted({ callId: "no id", deviceId });
      const result = resultOf(callId, "a", { kind: "device", deviceId });
      expect((await scene.tenant.submitToolResult(result)).kind).toBe("accepted");
      const held = await claim(scene, parked.runId);
      const settled = {
        ...parked.call,
        status: "completed" as const,
        result: { opened: true },
        source: "device" as const,
        deviceId,
        settledAt: TS + 9,
      };
      await store().fleet.commit(commitOf(held, ["tool.completed"], { afterSeq: parked.lastSeq, calls: [settled] }));
      const call = await scene.tenant.findCall({ callId });
      expect(call).toMatchObject({
        id: callId,
        runId: parked.runId,
        agentName: "worker",
        step: 1,
        toolName: "open",
        args: { door: 1 },
        target: "device",
        status: "completed",
        attempts: 1,
        deviceId,
        deviceKey: "the-laptop",
        result: { opened: true },
        error: null,
        source: "device",
        requestedAt: new Date(TS).toISOString(),
        settledAt: new Date(TS + 9).toISOString(),
      });
      expect(call?.sentAt).not.toBeNull();
      expect(call?.acceptedAt).not.toBeNull();
      const all = {
        limit: 10,
        cursor: undefined,
        toolName: undefined,
        deviceId: undefined,
        status: undefined,
        subject: undefined,
      };
      expect((await scene.tenant.listCalls({ ...all, toolName: "open", deviceId })).data).toEqual([call]);
      expect((await scene.tenant.listCalls({ ...all, status: "dispatched" })).data).toEqual([]);
      expect((await scene.tenant.listCalls({ ...all, toolName: "look" })).data).toEqual([]);
      expect((await scene.tenant.listCallsOfRun({ runId: parked.runId, limit: 5, cursor: undefined }))?.data).toEqual([
        call,
      ]);
      expect(await scene.tenant.listCallsOfRun({ runId: v7(), limit: 5, cursor: undefined })).toBeNull();
      await scene.tenant.deleteDevice({ by: AN_ACTOR, deviceId });
      expect(await scene.tenant.findCall({ callId })).toMatchObject({ deviceId, deviceKey: null });
    });

    test("calls are listed page by page, a run's in the order they were asked for, the tenant's newest first", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const calls = Array.from({ length: 5 }, () => callOf());
      await store().fleet.commit(commitOf(held, ["run.started"], { calls }));
      const ids = calls.map((call) => call.callId);
      const ofRun = await scene.tenant.listCallsOfRun({ runId, limit: 3, cursor: undefined });
      expect(ofRun?.data.map((call) => call.id)).toEqual(ids.slice(0, 3));
      const rest = await scene.tenant.listCallsOfRun({ runId, limit: 3, cursor: ofRun?.nextCursor ?? undefined });
      expect(rest?.data.map((call) => call.id)).toEqual(ids.slice(3));
      expect(rest?.nextCursor).toBeNull();
      const all = {
        cursor: undefined,
        toolName: undefined,
        deviceId: undefined,
        status: undefined,
        subject: undefined,
      };
      const newest = await scene.tenant.listCalls({ ...all, limit: 2 });
      expect(newest.data.map((call) => call.id)).toEqual(ids.toReversed().slice(0, 2));
    });
  });
}
