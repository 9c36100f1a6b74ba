import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { PARENT_IS_DONE, type ToldParent } from "../../../src/core/told-parent.ts";
import type { NewChild } from "../../../src/core/new-child.ts";
import type { ClaimedRun, Commit } from "../../../src/ports/fleet-store.ts";
import type { Store } from "../../../src/ports/store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { callOf, claim, commitOf, connect, endOf, factsOf, openScene, type Scene, start, TS } from "./scene.ts";

/** A child of the scene's agent for this call, as a commit makes it. */
function childOf({ agentId, versionId }: Scene, runId: string): NewChild {
  const first = { sub: 0, ts: TS, payload: "{}" } as const;
  return {
    runId,
    agentId,
    versionId,
    limits: { maxSteps: 3, tokens: 5 },
    facts: [
      { ...first, seq: 1, prev: { seq: 0, sub: 0 }, type: "run.created" },
      { ...first, seq: 2, prev: { seq: 1, sub: 0 }, type: "message.user" },
    ],
  };
}

/** The call that a child takes. */
export const childCall = (overrides: Parameters<typeof callOf>[0] = {}) =>
  callOf({ toolName: "research", target: "server", recipient: null, deadline: null, ...overrides });

/** What the parent is told of its child's end. */
export function toldBy(childRunId: string, parentRunId: string): ToldParent {
  const child = { runId: childRunId, status: "completed" as const, usage: { totalTokens: 3 } };
  const outcome = { kind: "completed" as const, result: "found" };
  const input = { kind: "tool_result" as const, callId: childRunId, outcome, source: "agent" as const, deviceId: null };
  return { runId: parentRunId, input: { ...input, child } };
}

export interface Family {
  readonly scene: Scene;
  /** The parent's claim, after the commit that made the child. It keeps the lease. */
  readonly parent: ClaimedRun;
  readonly childId: string;
  readonly lastSeq: number;
}

/** A run that has started a child and holds its lease. */
export async function openFamily(
  store: Store,
  overrides: Parameters<typeof start>[1] = {},
  known?: Scene,
): Promise<Family> {
  const scene = known ?? (await openScene(store));
  const parent = await claim(scene, (await start(scene, overrides)).runId);
  const call = childCall();
  const children = [childOf(scene, call.callId)];
  const commit = commitOf(parent, ["run.started", "tool.requested", "tool.dispatched"], { calls: [call], children });
  expect(await store.fleet.commit(commit)).toEqual({ kind: "committed", wakes: [] });
  return { scene, parent, childId: call.callId, lastSeq: parent.lastSeq + 3 };
}

export function childrenOfStore(store: () => Store): void {
  const inboxOf = async ({ runId, epoch }: ClaimedRun) =>
    (await store().fleet.readInbox({ runId, epoch }))?.inbox.inputs.map(({ input }) => input);

  /** The commit by which a parent settles the call of its child without it. */
  const settling = ({ parent, childId, lastSeq }: Family): Commit => {
    const settled = childCall({ callId: childId, status: "expired", settledAt: TS });
    return commitOf({ ...parent, lastSeq }, ["tool.expired"], { calls: [settled] });
  };
  /** The same, ending the parent. */
  const ending = (family: Family): Commit => {
    const { calls } = settling(family);
    return endOf({ ...family.parent, lastSeq: family.lastSeq }, { calls });
  };

  describe("children of runs", () => {
    test("a child is made with the fact that dispatches its call, and takes over whose run it is", async () => {
      const { scene, parent, childId } = await openFamily(store(), {
        subject: "ann",
        threadId: "t",
        deviceKey: "tab",
      });
      expect((await factsOf(scene, childId)).map(({ type }) => type)).toEqual(["run.created", "message.user"]);
      const run = await scene.tenant.findRun({ runId: childId });
      expect(run).toMatchObject({
        status: "queued",
        agentId: scene.agentId,
        threadId: null,
        subject: "ann",
        deviceKey: "tab",
        parentRunId: parent.runId,
        parentCallId: childId,
        rootRunId: parent.runId,
        depth: 1,
        limits: { maxSteps: 3, tokens: 5 },
        usage: {},
        childrenUsage: {},
        metadata: {},
        position: "2-0",
      });
      const { threadId } = (await scene.tenant.findRun({ runId: parent.runId })) ?? {};
      expect(await scene.tenant.findRunBounds({ runId: childId })).toMatchObject({ rootThreadId: threadId });
      expect(await scene.tenant.findStarter({ runId: childId })).toEqual(
        await scene.tenant.findStarter({ runId: parent.runId }),
      );
      const page = { limit: 10, cursor: undefined, status: undefined, agent: undefined, threadId: undefined };
      const listed = async (parentRunId: string) =>
        (await scene.tenant.listRuns({ ...page, subject: undefined, parentRunId })).data.map(({ id }) => id);
      expect([await listed(parent.runId), await listed(childId)]).toEqual([[childId], []]);
      expect(await claim(scene, childId)).toMatchObject({ lastSeq: 2, epoch: 1 });
    });

    test("a commit that is refused makes no child, and one that is sent twice makes it once", async () => {
      const scene = await openScene(store());
      const parent = await claim(scene, (await start(scene)).runId);
      const call = childCall();
      const children = [childOf(scene, call.callId)];
      const commit = commitOf(parent, ["run.started"], { calls: [call], children });
      expect(await store().fleet.commit({ ...commit, inboxMustBe: 7 })).toEqual({ kind: "inputs_waiting" });
      expect(await scene.tenant.findRun({ runId: call.callId })).toBeNull();
      expect(await scene.tenant.findCall({ callId: call.callId })).toBeNull();
      for (let nth = 0; nth < 2; nth++) expect(await store().fleet.commit(commit)).toMatchObject({ kind: "committed" });
      expect(await factsOf(scene, call.callId)).toHaveLength(2);
    });

    test("the end of a child is one input of its parent, which is due then, however often the commit is sent", async () => {
      const family = await openFamily(store());
      const { scene, parent, childId, lastSeq } = family;
      const park = commitOf({ ...parent, lastSeq }, ["run.waiting"], {
        status: "waiting_tool",
        lease: { kind: "release", wakeAt: null },
      });
      await store().fleet.commit(park);
      const child = await claim(scene, childId);
      const told = toldBy(childId, parent.runId);
      const end = endOf(child, { tellsParent: told });
      for (let nth = 0; nth < 2; nth++) expect(await store().fleet.commit(end)).toMatchObject({ kind: "committed" });
      const again = await claim(scene, parent.runId);
      expect(await inboxOf(again)).toEqual([told.input]);
      // A result of somebody else is none: the call is the server's.
      expect(
        await scene.tenant.submitToolResult({
          callId: childId,
          outcome: { kind: "completed", result: 1 },
          bodyHash: "h",
          from: { kind: "http", runId: parent.runId },
        }),
      ).toEqual({ kind: "not_dispatched" });
    });

    test("a parent that has ended is told nothing", async () => {
      const family = await openFamily(store());
      const { scene, parent, childId } = family;
      const child = await claim(scene, childId);
      await store().fleet.commit(ending(family));
      const before = await factsOf(scene, parent.runId);
      expect(await store().fleet.commit(endOf(child, { tellsParent: toldBy(childId, parent.runId) }))).toMatchObject({
        kind: "committed",
      });
      expect(await factsOf(scene, parent.runId)).toEqual(before);
      expect((await scene.tenant.findRun({ runId: parent.runId }))?.status).toBe("completed");
    });

    test.each([
      ["settles its call", settling],
      ["ends the parent", ending],
    ])("a commit that %s asks an open child to cancel, once", async (_what, commitOfParent) => {
      const family = await openFamily(store());
      const commit = commitOfParent(family);
      for (let nth = 0; nth < 2; nth++) expect(await store().fleet.commit(commit)).toMatchObject({ kind: "committed" });
      const child = await claim(family.scene, family.childId);
      expect(await inboxOf(child)).toEqual([{ kind: "cancel", reason: PARENT_IS_DONE }]);
    });

    test("a child that was canceled already, and one that has ended, get no other cancel", async () => {
      const canceled = await openFamily(store());
      const own = { kind: "cancel" as const, reason: "enough" };
      const dedupe = { key: "cancel", bodyHash: "" };
      await canceled.scene.tenant.enqueueInput({ by: AN_ACTOR, runId: canceled.childId, input: own, dedupe });
      await store().fleet.commit(ending(canceled));
      expect(await inboxOf(await claim(canceled.scene, canceled.childId))).toEqual([own]);

      const ended = await openFamily(store());
      const child = await claim(ended.scene, ended.childId);
      await store().fleet.commit(endOf(child));
      await store().fleet.commit(ending(ended));
      expect(await inboxOf(child)).toEqual([]);
    });

    test("a commit that names the child of another parent cancels nothing", async () => {
      const one = await openFamily(store());
      const other = await openFamily(store(), {}, one.scene);
      const settled = childCall({ callId: other.childId, status: "expired", settledAt: TS });
      await store().fleet.commit(endOf({ ...one.parent, lastSeq: one.lastSeq }, { calls: [settled] }));
      expect(await inboxOf(await claim(other.scene, other.childId))).toEqual([]);
    });

    test("a child of a child knows the run at the top, and what children spent is kept", async () => {
      const { scene, parent, childId } = await openFamily(store());
      const child = await claim(scene, childId);
      const call = childCall();
      const children = [childOf(scene, call.callId)];
      const run = { childrenUsage: { totalTokens: 4 } };
      await store().fleet.commit(commitOf(child, ["run.started"], { calls: [call], children, run }));
      expect(await scene.tenant.findRun({ runId: call.callId })).toMatchObject({
        parentRunId: childId,
        rootRunId: parent.runId,
        depth: 2,
      });
      expect(await scene.tenant.findRun({ runId: childId })).toMatchObject({ childrenUsage: { totalTokens: 4 } });
      expect(await store().fleet.loadOutline({ ...child, epoch: child.epoch })).toMatchObject({
        parent: { runId: parent.runId, callId: childId },
        run: { childrenUsage: { totalTokens: 4 } },
      });
    });

    test("a device that is for one run or one thread takes the calls of its children, and is told of both runs", async () => {
      const { scene, parent, childId } = await openFamily(store(), { threadId: "t" });
      const { threadId } = (await scene.tenant.findRun({ runId: parent.runId })) ?? {};
      const child = await claim(scene, childId);
      const call = callOf();
      await store().fleet.commit(commitOf(child, ["run.started"], { calls: [call] }));
      const seen = async (onlyRunId: string | null, onlyThreadId: string | null) => {
        const { sessionId } = await connect(scene, { onlyRunId, onlyThreadId });
        const [session] = await store().fleet.readOpenCalls({ sessionIds: [sessionId] });
        return session?.calls.map(({ callId, runId, parentRunId }) => ({ callId, runId, parentRunId }));
      };
      const whole = [{ callId: call.callId, runId: childId, parentRunId: parent.runId }];
      expect(await seen(parent.runId, null)).toEqual(whole);
      expect(await seen(null, threadId ?? "")).toEqual(whole);
      expect(await seen(v7(), null)).toEqual([]);
      expect(await seen(null, v7())).toEqual([]);
    });

    test("agents are found by their names, with the version that is current, and none of another tenant", async () => {
      const scene = await openScene(store());
      const other = await openScene(store());
      const config = { name: "worker", model: "demo/script", maxSteps: 2, limits: { tokens: 7 } };
      const pushed = await scene.tenant.pushAgent({
        by: AN_ACTOR,
        name: "worker",
        description: null,
        version: null,
        config,
        configHash: "another",
        promote: true,
      });
      const names = ["worker", "nobody"];
      expect(await store().fleet.readAgents({ tenantId: scene.tenantId, names })).toEqual({
        worker: {
          agentId: scene.agentId,
          versionId: pushed.versionId,
          terms: { maxSteps: 2, limits: { tokens: 7 } },
        },
      });
      const theirs = await store().fleet.readAgents({ tenantId: other.tenantId, names });
      expect(theirs["worker"]?.agentId).toBe(other.agentId);
    });
  });
}
