import { type Page, type Position, TIMEOUT_MS_MAX } from "@hsafa/protocol";
import { agentConfigSchema, storedAgentConfigSchema } from "@hsafa/protocol/schema";
import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import {
  EVENTS_PAGE_BYTES_MAX,
  EVENTS_PAGE_MAX,
  HISTORY_READ_BYTES_MAX,
  PAGE_BYTES_MAX,
} from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { PageParams } from "../../../src/ports/tenant-store.ts";
import {
  callOf,
  claim,
  commitOf,
  connect,
  CONFIG,
  delta,
  fact,
  factsOf,
  openScene,
  parkWithCall,
  start,
} from "./scene.ts";
import { asTenantId } from "../../../src/core/tenant-id.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function readingOfStore(store: () => Store): void {
  describe("reading", () => {
    test("events after a position come in order, all or only facts, also after a position without an event", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const facts = [
        fact(3, "run.started"),
        fact(4, "step.started"),
        fact(5, "step.completed", { prev: { seq: 4, sub: 11 } }),
      ];
      const deltas = Array.from({ length: 11 }, (_, index) => delta(4, index + 1));
      await store().fleet.commit(commitOf(held, [], { facts, deltas }));
      const read = async (seq: number, sub: number, factsOnly = false, limit = 100) =>
        (await scene.tenant.readEvents({ runId, after: { seq, sub }, limit, factsOnly })).map(
          (e) => `${e.seq}-${e.sub}`,
        );
      expect(await read(0, 0, true)).toEqual(["1-0", "2-0", "3-0", "4-0", "5-0"]);
      expect(await read(4, 9)).toEqual(["4-10", "4-11", "5-0"]);
      expect(await read(4, 500)).toEqual(["5-0"]);
      expect(await read(4, 500, true)).toEqual(["5-0"]);
      expect(await read(2, 0, false, 3)).toEqual(["3-0", "4-0", "4-1"]);
      expect(await read(5, 0)).toEqual([]);
      expect(await read(900, 0)).toEqual([]);
      const readBack = async (before: Position | null, factsOnly = false, limit = 100) =>
        (await scene.tenant.readEventsBefore({ runId, before, limit, factsOnly })).map((e) => `${e.seq}-${e.sub}`);
      expect(await readBack(null)).toEqual((await read(0, 0)).toReversed());
      expect(await readBack(null, true)).toEqual(["5-0", "4-0", "3-0", "2-0", "1-0"]);
      expect(await readBack({ seq: 5, sub: 0 }, false, 2)).toEqual(["4-11", "4-10"]);
      expect(await readBack({ seq: 4, sub: 3 })).toEqual(["4-2", "4-1", "4-0", "3-0", "2-0", "1-0"]);
      expect(await readBack({ seq: 4, sub: 3 }, true, 2)).toEqual(["4-0", "3-0"]);
      expect(await readBack({ seq: 4, sub: 0 }, true, 2)).toEqual(["3-0", "2-0"]);
      expect(await readBack({ seq: 4, sub: 500 }, false, 1)).toEqual(["4-11"]);
      expect(await readBack({ seq: 1, sub: 0 })).toEqual([]);
      expect(await store().fleet.readTails({ runIds: [runId, v7()] })).toEqual(new Map([[runId, 5]]));
      expect(await scene.tenant.readTail({ runId: v7() })).toBeNull();
    });

    test("the newest run of each thread is named, null where there is none, and a thread that is not there is left out", async () => {
      const scene = await openScene(store());
      const [spoken, silent] = [v7(), v7()];
      for (const threadId of [spoken, silent])
        await scene.tenant.createThread({ threadId, key: null, subject: null, metadata: {} });
      const threadIds = [spoken, silent, v7()];
      const none = new Map([spoken, silent].map((threadId) => [threadId, null]));
      expect(await store().fleet.readNewestRuns({ threadIds })).toEqual(none);
      const runIds = [];
      for (let count = 0; count < 3; count += 1) runIds.push((await start(scene, { threadId: spoken })).runId);
      await start(scene);
      expect(await store().fleet.readNewestRuns({ threadIds })).toEqual(new Map([...none, [spoken, runIds[2]]]));
    });

    test("a page ends at its bytes but has at least one record, so that a reader of large events gets on (R9)", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const giant = JSON.stringify({ text: "x".repeat(EVENTS_PAGE_BYTES_MAX) });
      const large = JSON.stringify({ text: "x".repeat(EVENTS_PAGE_BYTES_MAX / 2) });
      const facts = [giant, large, large, large].map((payload, index) => fact(3 + index, "message.user", { payload }));
      await store().fleet.commit(commitOf(held, [], { facts }));
      const pages: string[][] = [];
      let after = { seq: 2, sub: 0 };
      for (;;) {
        const page = await scene.tenant.readEvents({ runId, after, limit: 100, factsOnly: true });
        const last = page.at(-1);
        if (last === undefined) break;
        pages.push(page.map((record) => `${record.seq}`));
        after = { seq: last.seq, sub: last.sub };
      }
      expect(pages).toEqual([["3"], ["4", "5"], ["6"]]);
      const back: string[][] = [];
      let before: Position = { seq: 7, sub: 0 };
      while (before.seq > 3) {
        const page = await scene.tenant.readEventsBefore({ runId, before, limit: 100, factsOnly: true });
        back.push(page.map((record) => `${record.seq}`));
        before = page.at(-1) ?? { seq: 0, sub: 0 };
      }
      expect(back).toEqual([
        ["6", "5"],
        ["4", "3"],
      ]);
    });

    test("a page of a list ends at its bytes but has at least one item, and its cursor misses none (R9)", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const half = "x".repeat(PAGE_BYTES_MAX / 2 + 100);
      const giant = "x".repeat(PAGE_BYTES_MAX + 100);
      const sizes = [half, half, half, giant, "", giant, half, ""];
      /** Reads a list to its end, and returns how many items each page had. */
      async function pagesOf(list: (page: PageParams) => Promise<Page<{ id: string }> | null>, limit = 100) {
        const pages: string[][] = [];
        let cursor: string | undefined;
        do {
          const page = await list({ limit, cursor });
          if (page === null) throw new Error("there is no such list");
          pages.push(page.data.map(({ id }) => id));
          cursor = page.nextCursor ?? undefined;
        } while (cursor !== undefined);
        expect(new Set(pages.flat()).size).toBe(pages.flat().length);
        return pages.map((ids) => ids.length);
      }

      for (const text of sizes) await start(scene, { metadata: { text } });
      const runs = (page: PageParams) =>
        tenant.listRuns({ ...page, status: undefined, agent: undefined, threadId: undefined, subject: undefined });
      // Newest first: "", half, giant; "", giant; half, half; half.
      expect(await pagesOf(runs)).toEqual([3, 2, 2, 1]);
      expect(await pagesOf(runs, 1)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);

      for (const text of sizes)
        await tenant.createThread({ threadId: v7(), key: null, subject: null, metadata: { text } });
      const threads = (page: PageParams) => tenant.listThreads({ ...page, subject: undefined });
      expect(await pagesOf(threads)).toEqual([3, 2, 2, 1]);
      expect(await pagesOf(threads, 1)).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);

      for (const [nth, text] of sizes.entries()) {
        const config = { ...CONFIG, settings: { providerOptions: { demo: { text } } } };
        const push = { description: null, version: null, config, promote: true };
        await tenant.pushAgent({ by: AN_ACTOR, ...push, name: "worker", configHash: `${nth}` });
        await tenant.pushAgent({ by: AN_ACTOR, ...push, name: `agent ${nth}`, configHash: `${nth}` });
        const tools = [{ name: "open", description: text, inputSchema: {} }];
        await connect(scene, { deviceKey: `device ${nth}`, tools });
      }
      // The version of the scene is one more.
      expect(await pagesOf((page) => tenant.listVersions({ idOrName: "worker", ...page }))).toEqual([3, 2, 2, 2]);
      // So is its agent, whose current version is the small one that was pushed last.
      expect(await pagesOf((page) => tenant.listAgents(page))).toEqual([3, 2, 2, 2]);
      expect(await pagesOf((page) => tenant.listDevices({ ...page, subject: undefined }))).toEqual([3, 2, 2, 1]);

      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const calls = sizes.map((text) => callOf({ args: { text } }));
      await store().fleet.commit(commitOf(held, ["run.started", "tool.requested"], { calls }));
      expect(await pagesOf((page) => tenant.listCallsOfRun({ runId, ...page }))).toEqual([2, 2, 2, 2]);
      const all = { toolName: undefined, deviceId: undefined, status: undefined, subject: undefined };
      expect(await pagesOf((page) => tenant.listCalls({ ...all, ...page }))).toEqual([3, 2, 2, 1]);
    });

    test("a holder loads all that it needs to go on, and a former holder nothing", async () => {
      const scene = await openScene(store());
      const named = await connect(scene, { deviceKey: "named-device" });
      const origin = await connect(scene, { deviceKey: "tab-1" });
      await connect(scene);
      const { runId } = await start(scene, { deviceKey: "tab-1" });
      const facts = await factsOf(scene, runId);
      const held = await claim(scene, runId);
      await store().fleet.commit(
        commitOf(held, ["run.started", "step.started"], { deltas: [delta(4, 1), delta(4, 2)] }),
      );
      const loaded = await store().fleet.loadRun({ tenantId: scene.tenantId, runId, epoch: held.epoch });
      expect(loaded).toEqual({
        deviceKey: "tab-1",
        config: agentConfigSchema.parse(CONFIG),
        facts: [...facts, fact(3, "run.started"), fact(4, "step.started")],
        lastPosition: { seq: 4, sub: 2 },
        earlierRunIds: [],
        inbox: { count: 0, inputs: [], resultsUnread: false },
        dispatchContext: {
          devices: {
            "named-device": { deviceId: named.deviceId, owner: "a key", ownerId: `key:${scene.keyId}` },
            "tab-1": { deviceId: origin.deviceId, owner: "a key", ownerId: `key:${scene.keyId}` },
          },
          dispatches: {},
        },
      });
      for (const wrong of [
        { epoch: held.epoch + 1 },
        { epoch: held.epoch - 1 },
        { runId: v7() },
        { tenantId: asTenantId(v7()) },
      ]) {
        const params = { tenantId: scene.tenantId, runId, epoch: held.epoch, ...wrong };
        expect(await store().fleet.loadRun(params)).toBeNull();
        expect(await store().fleet.loadOutline(params)).toBeNull();
      }
    });

    test("a holder reads a long record page by page, in order and to its end (R9)", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const held = await claim(scene, runId);
      const payload = JSON.stringify({ text: "x".repeat(EVENTS_PAGE_BYTES_MAX / 2) });
      const large = [3, 4, 5, 6].map((seq) => fact(seq, "message.user", { payload }));
      await store().fleet.commit(commitOf(held, [], { facts: large }));
      const many = Array.from({ length: EVENTS_PAGE_MAX }, (_, index) => fact(7 + index, "message.user"));
      await store().fleet.commit(commitOf(held, [], { afterSeq: 6, facts: many }));
      const of = { tenantId: scene.tenantId, runId };
      const pages = [(await store().fleet.loadRun({ ...of, epoch: held.epoch }))?.facts ?? []];
      for (let afterSeq = pages[0]?.at(-1)?.seq ?? 0; ; ) {
        const page = await store().fleet.readFacts({ ...of, afterSeq });
        const last = page.at(-1);
        if (last === undefined) break;
        pages.push(page);
        afterSeq = last.seq;
      }
      const seqs = pages.map((page) => page.map(({ seq }) => seq));
      expect(seqs.slice(0, 3)).toEqual([
        [1, 2],
        [3, 4],
        [5, 6],
      ]);
      expect(seqs.flat()).toEqual(Array.from({ length: 6 + EVENTS_PAGE_MAX }, (_, index) => index + 1));
      expect(pages.every((page) => page.length <= EVENTS_PAGE_MAX)).toBe(true);
    });

    test("a thread's earlier runs are read one after the other, a bounded number of bytes, and one that is too large not at all (R9)", async () => {
      const scene = await openScene(store());
      const { tenantId } = scene;
      const runOf = async (text: string) => (await start(scene, { messages: [{ role: "user", content: text }] })).runId;
      const third = "x".repeat(HISTORY_READ_BYTES_MAX / 3);
      const small = [await runOf("a"), v7(), await runOf("b")];
      const large = [await runOf(third), await runOf(third), await runOf(third), await runOf(third)];
      const bytesMax = 2 * HISTORY_READ_BYTES_MAX;
      const load = (runIds: readonly string[], most = bytesMax) =>
        store().fleet.loadHistory({ tenantId, runIds, bytesMax: most });
      expect(await load([])).toEqual([]);
      const facts = await Promise.all(small.map((runId) => factsOf(scene, runId)));
      expect(await load(small)).toEqual(small.map((runId, index) => ({ runId, facts: facts[index] })));
      expect(facts[1]).toEqual([]);
      const page = await load([...small, ...large]);
      expect(page.map(({ runId }) => runId)).toEqual([...small, ...large.slice(0, 3)]);
      const tooLarge = await load([small[0] ?? "", large[0] ?? "", small[2] ?? ""], HISTORY_READ_BYTES_MAX / 4);
      expect(tooLarge.map((run) => run.facts?.length ?? null)).toEqual([2, null, 2]);
    });

    test("a config that was accepted under wider bounds than those of today is still loaded", async () => {
      const scene = await openScene(store());
      const config = { ...CONFIG, name: "patient", modelIdleTimeoutMs: TIMEOUT_MS_MAX };
      const { agentId } = await scene.tenant.pushAgent({
        by: AN_ACTOR,
        name: "patient",
        description: null,
        version: null,
        config,
        configHash: "patient",
        promote: true,
      });
      const { runId } = await start(scene, { agent: agentId });
      const { epoch } = await claim(scene, runId);
      const loaded = await store().fleet.loadRun({ tenantId: scene.tenantId, runId, epoch });
      expect(loaded?.config).toEqual(storedAgentConfigSchema.parse(config));
    });

    test("a holder knows of each device call that is out whether it was sent and whether that device, same boot, is connected", async () => {
      const scene = await openScene(store());
      const { runId, call, claimed } = await parkWithCall(scene);
      const status = async () => {
        const read = await store().fleet.readInbox({ runId, epoch: claimed.epoch });
        return read?.dispatchContext.dispatches[call.callId];
      };
      expect(await status()).toEqual({ sent: false, connected: false });
      const deviceKey = "a device";
      const { sessionId } = await connect(scene, { deviceKey });
      expect(await scene.tenant.markSent({ callId: call.callId, attempt: 1, sessionId })).toBe(true);
      expect(await status()).toEqual({ sent: true, connected: true });
      await scene.tenant.endDeviceSession({ sessionId, reason: "closed" });
      expect(await status()).toEqual({ sent: true, connected: false });
      await connect(scene, { deviceKey });
      expect(await status()).toEqual({ sent: true, connected: true });
      await connect(scene, { deviceKey, bootId: "boot 2" });
      expect(await status()).toEqual({ sent: true, connected: false });
    });
  });
}
