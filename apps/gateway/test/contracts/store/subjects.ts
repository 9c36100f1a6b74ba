import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { callOf, claim, commitOf, openScene, type Scene, start, startParams } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function subjectsOfStore(store: () => Store): void {
  const page = { limit: 10, cursor: undefined };

  async function runsOf({ tenant }: Scene, subject: string | null | undefined, threadId?: string) {
    const all = { ...page, status: undefined, agent: undefined, threadId };
    return (await tenant.listRuns({ ...all, subject })).data.map(({ id }) => id);
  }

  describe("the users of a tenant", () => {
    test("two users and the tenant itself may each have a thread of the same key, and never meet in it", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const of = (subject: string | null) => ({ threadId: v7(), key: "inbox", subject, metadata: {} });
      const subjects = ["alice", "bob", null];
      const made = await Promise.all(
        [...subjects, ...subjects, ...subjects].map((subject) => tenant.createThread(of(subject))),
      );
      expect(made.filter(({ created }) => created)).toHaveLength(3);
      const idOf = async (subject: string | null) => (await tenant.findThread({ idOrKey: "inbox", subject }))?.id ?? "";
      const [hers, his, ours] = [await idOf("alice"), await idOf("bob"), await idOf(null)];
      expect(new Set([hers, his, ours]).size).toBe(3);
      expect(await tenant.findThread({ idOrKey: hers, subject: null })).toMatchObject({ id: hers, subject: "alice" });
      expect(await tenant.findThread({ idOrKey: "inbox", subject: "carol" })).toBeNull();
      const threadOf = async (subject: string | null) => {
        const { runId } = await start(scene, { threadId: "inbox", subject });
        return (await tenant.findRun({ runId }))?.threadId;
      };
      expect([await threadOf("alice"), await threadOf("bob"), await threadOf(null)]).toEqual([hers, his, ours]);
      expect(await tenant.knows({ kind: "thread", key: "inbox", subject: "bob" })).toBe(true);
      expect(await tenant.knows({ kind: "thread", key: "inbox", subject: "carol" })).toBe(false);
    });

    test("runs are listed for one user, for the tenant itself, or all, and a thread's key is the user's own", async () => {
      const scene = await openScene(store());
      const hers = await start(scene, { subject: "alice", threadId: "inbox" });
      const his = await start(scene, { subject: "bob", threadId: "inbox" });
      const ours = await start(scene, { threadId: "inbox" });
      expect(await runsOf(scene, "alice")).toEqual([hers.runId]);
      expect(await runsOf(scene, null)).toEqual([ours.runId]);
      expect(await runsOf(scene, undefined)).toEqual([ours.runId, his.runId, hers.runId]);
      expect(await runsOf(scene, "carol")).toEqual([]);
      expect(await runsOf(scene, "bob", "inbox")).toEqual([his.runId]);
      expect(await runsOf(scene, undefined, "inbox")).toEqual([ours.runId]);
      const { tenant } = scene;
      expect(await tenant.findRun({ runId: hers.runId })).toMatchObject({ subject: "alice" });
      const { threadId } = (await tenant.findRun({ runId: hers.runId })) ?? {};
      expect(await tenant.findRunBounds({ runId: hers.runId })).toEqual({
        id: hers.runId,
        threadId,
        deviceKey: null,
        subject: "alice",
        rootRunId: null,
        rootThreadId: null,
      });
      expect(await tenant.findRunBounds({ runId: v7() })).toBeNull();
    });

    test("threads are listed whole, newest first, for one user, for the tenant itself, or all, and a page after another", async () => {
      const { tenant } = await openScene(store());
      const make = async (subject: string | null, key: string | null) =>
        (await tenant.createThread({ threadId: v7(), key, subject, metadata: { of: subject } })).thread;
      const first = await make("alice", "inbox");
      const his = await make("bob", "inbox");
      const ours = await make(null, null);
      const second = await make("alice", null);
      const listed = async (subject: string | null | undefined) =>
        (await tenant.listThreads({ ...page, subject })).data;
      expect(await listed(undefined)).toEqual([second, ours, his, first]);
      expect(await listed("alice")).toEqual([second, first]);
      expect(await listed("bob")).toEqual([his]);
      expect(await listed(null)).toEqual([ours]);
      expect(await listed("carol")).toEqual([]);
      const one = await tenant.listThreads({ limit: 1, cursor: undefined, subject: "alice" });
      expect(one.data).toEqual([second]);
      // What begins between two pages moves none of them.
      const third = await make("alice", "later");
      const two = await tenant.listThreads({ limit: 1, cursor: one.nextCursor ?? "", subject: "alice" });
      expect(two).toEqual({ data: [first], nextCursor: null });
      expect(await listed("alice")).toEqual([third, second, first]);
      expect(await tenant.listThreads({ limit: 1, cursor: "x", subject: "alice" })).toEqual({
        data: [],
        nextCursor: null,
      });
    });

    test("a run in a user's thread is that user's, whoever starts it", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const { thread } = await tenant.createThread({ threadId: v7(), key: null, subject: "alice", metadata: {} });
      const ours = await tenant.createThread({ threadId: v7(), key: null, subject: null, metadata: {} });
      const subjectOf = async (threadId: string, subject: string | null) =>
        (await tenant.findRun({ runId: (await start(scene, { threadId, subject })).runId }))?.subject;
      expect(await subjectOf(thread.id, null)).toBe("alice");
      expect(await subjectOf(ours.thread.id, "bob")).toBe("bob");
      expect(await subjectOf(ours.thread.id, null)).toBeNull();
    });

    test("the idempotency key of one is not that of another", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const key = "1";
      const started = async (owner: string, bodyHash: string) =>
        tenant.startRun(startParams({ idempotency: { key, owner, orUnowned: false, bodyHash } }));
      const [hers, his] = [await started("subject:alice", "a"), await started("subject:bob", "b")];
      expect([hers, his]).toMatchObject([{ created: true }, { created: true }]);
      expect(await started("subject:alice", "a")).toEqual({ ...hers, created: false });
      expect(await started("subject:bob", "a")).toEqual({ kind: "idempotency_conflict" });
      const known = (owner: string) => tenant.knows({ kind: "run", key, owner, orUnowned: false });
      expect([await known("subject:bob"), await known("subject:carol")]).toEqual([true, false]);
    });

    test("the calls of a user's runs are listed apart from those of others", async () => {
      const scene = await openScene(store());
      const callIn = async (subject: string | null) => {
        const { runId } = await start(scene, { subject });
        const call = callOf();
        await scene.store.fleet.commit(commitOf(await claim(scene, runId), ["run.started"], { calls: [call] }));
        return call.callId;
      };
      const [hers, his, ours] = [await callIn("alice"), await callIn("bob"), await callIn(null)];
      const listed = async (subject: string | null | undefined) => {
        const all = { ...page, toolName: undefined, deviceId: undefined, status: undefined };
        return (await scene.tenant.listCalls({ ...all, subject })).data.map(({ id }) => id);
      };
      expect(await listed("alice")).toEqual([hers]);
      expect(await listed(null)).toEqual([ours]);
      expect(await listed(undefined)).toEqual([ours, his, hers]);
    });

    test("a key is a user's from the day it is made, also when its secret is replaced", async () => {
      const { tenant } = await openScene(store());
      const made = {
        name: "hers",
        scopes: ["runs:read" as const],
        groups: [],
        createdBy: "operator",
        expiresInMs: null,
      };
      const keyId = v7();
      const keyHash = v7();
      expect(await tenant.createApiKey({ by: AN_ACTOR, ...made, keyId, keyHash, subject: "alice" })).toMatchObject({
        subject: "alice",
      });
      expect(await store().fleet.findApiKey({ keyHash })).toMatchObject({ keyId, subject: "alice" });
      const next = v7();
      await tenant.rotateApiKey({ by: AN_ACTOR, keyId, keyHash: next, overlapMs: 0 });
      expect(await store().fleet.findApiKey({ keyHash: next })).toMatchObject({ keyId, subject: "alice" });
      expect((await tenant.listApiKeys(page)).data.map(({ subject }) => subject)).toEqual(["alice", null]);
    });
  });
}
