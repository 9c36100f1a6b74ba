import { START } from "@hsafa/protocol";
import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { claim, claimAll, CONFIG, factsOf, NASTY, openScene, start, startParams } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export function startsOfStore(store: () => Store): void {
  describe("starting a run", () => {
    test("one commit makes the run, due at once, with its facts from seq 1", async () => {
      const scene = await openScene(store());
      const earlier = [{ role: "assistant" as const, content: "Before." }];
      const messages = [
        { role: "user" as const, content: "One." },
        { role: "user" as const, content: NASTY },
      ];
      const metadata = { note: NASTY };
      const { runId, status, created } = await start(scene, { earlier, messages, metadata, deviceKey: "tab-1" });
      expect({ status, created }).toEqual({ status: "queued", created: true });
      const facts = await scene.tenant.readEvents({ runId, after: START, limit: 10, factsOnly: false });
      expect(facts.map(({ seq, sub, prev, type }) => ({ seq, sub, prev, type }))).toEqual([
        { seq: 1, sub: 0, prev: { seq: 0, sub: 0 }, type: "run.created" },
        { seq: 2, sub: 0, prev: { seq: 1, sub: 0 }, type: "message.user" },
        { seq: 3, sub: 0, prev: { seq: 2, sub: 0 }, type: "message.user" },
      ]);
      const { agentId, versionId } = scene;
      expect(facts.map((fact) => JSON.parse(fact.payload) as unknown)).toEqual([
        { agentId, versionId, threadId: null, earlier, deviceKey: "tab-1", metadata },
        ...messages.map((message) => ({ message })),
      ]);
      expect(await scene.tenant.readTail({ runId })).toMatchObject({ status: "queued", lastSeq: 3 });
      expect(await scene.tenant.findRun({ runId })).toMatchObject({
        id: runId,
        status: "queued",
        agentId,
        agentName: "worker",
        versionId,
        threadId: null,
        deviceKey: "tab-1",
        metadata,
        output: null,
        finishReason: null,
        error: null,
        usage: {},
        steps: 0,
        position: "3-0",
        createdAt: new Date(facts[0]?.ts ?? 0).toISOString(),
        startedAt: null,
        completedAt: null,
      });
      expect(await claim(scene, runId)).toMatchObject({ epoch: 1, lastSeq: 3, lost: false, recoveries: 0 });
    });

    test("an agent whose config holds any text is started, and asked about with its model and its tools", async () => {
      const { tenant, ...scene } = await openScene(store());
      const tools = [{ name: "look", description: NASTY, inputSchema: {} }];
      const config = { ...CONFIG, system: NASTY, tools };
      const act = { by: AN_ACTOR, description: null, version: null, promote: true };
      await tenant.pushAgent({ ...act, name: "any-text", config, configHash: "any-text" });
      const asked: unknown[] = [];
      const admit = (terms: unknown): readonly [] => {
        asked.push(terms);
        return [];
      };
      const scope = { tools: ["look"] };
      const params = startParams({ agent: "any-text", scope, admit });
      expect(await start({ tenant, ...scene }, params)).toMatchObject({ kind: "started" });
      expect(asked).toEqual([expect.objectContaining({ model: CONFIG.model, toolNames: ["look"] })]);
    });

    test("a start is asked about with what its version says of its runs, and nothing is written if it is refused", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const config = { ...CONFIG, model: "demo/echo", limits: { tokens: 100, costUsd: 2.5 }, settings: { seed: 1 } };
      const act = { by: AN_ACTOR, description: null, version: null, promote: true };
      await tenant.pushAgent({ ...act, name: "limited", config, configHash: "limited" });
      const asked: unknown[] = [];
      const params = startParams({ agent: "limited", threadId: "a-key", limits: { tokens: 50, maxSteps: 3 } });
      const refused = await tenant.startRun({
        ...params,
        admit: (terms) => {
          asked.push(terms);
          return [{ path: "agent", message: "no" }];
        },
      });
      expect(refused).toEqual({ kind: "not_admitted", faults: [{ path: "agent", message: "no" }] });
      expect(asked).toMatchObject([{ model: "demo/echo", limits: { tokens: 100, costUsd: 2.5 } }]);
      expect(await tenant.findRun({ runId: params.runId })).toBeNull();
      expect(await tenant.findThread({ idOrKey: "a-key", subject: null })).toBeNull();

      const { runId } = await start(scene, params);
      const limits = { maxSteps: 3, tokens: 50, costUsd: 2.5 };
      expect((await tenant.findRun({ runId }))?.limits).toEqual(limits);
      const page = await tenant.listRuns({
        limit: 1,
        cursor: undefined,
        status: undefined,
        agent: "limited",
        threadId: undefined,
        subject: undefined,
      });
      expect(page.data[0]?.limits).toEqual(limits);
      const [created] = await tenant.readEvents({ runId, after: START, limit: 1, factsOnly: true });
      expect(JSON.parse(created?.payload ?? "")).toMatchObject({ limits: { tokens: 50, maxSteps: 3 } });
      expect((await tenant.findRun({ runId: (await start(scene)).runId }))?.limits).toEqual({ maxSteps: 20 });
    });

    test("a run that an idempotency key finds is not asked about again", async () => {
      const scene = await openScene(store());
      const idempotency = { key: "k", owner: "o", orUnowned: false, bodyHash: "h" };
      const { runId } = await start(scene, { idempotency });
      const again = startParams({ idempotency, admit: () => [{ path: "agent", message: "no" }] });
      expect(await scene.tenant.startRun(again)).toMatchObject({ kind: "started", runId, created: false });
    });

    test("a run starts only if what it names is there: agent by id or name, version of that agent, thread by id", async () => {
      const { tenant, agentId, versionId } = await openScene(store());
      const outcome = async (overrides: Parameters<typeof startParams>[0]) =>
        (await tenant.startRun(startParams(overrides))).kind;
      expect(await outcome({ agent: agentId, versionId })).toBe("started");
      expect(await outcome({ agent: "nobody" })).toBe("agent_not_found");
      expect(await outcome({ agent: v7() })).toBe("agent_not_found");
      expect(await outcome({ versionId: v7() })).toBe("version_not_found");
      const other = await tenant.pushAgent({
        by: AN_ACTOR,
        name: "other",
        description: null,
        version: null,
        config: CONFIG,
        configHash: "other",
        promote: false,
      });
      expect(await outcome({ versionId: other.versionId })).toBe("version_not_found");
      expect(await outcome({ agent: "other" })).toBe("version_not_found");
      expect(await outcome({ agent: "other", versionId: other.versionId })).toBe("started");
      expect(await outcome({ threadId: v7() })).toBe("thread_not_found");
    });

    test("a client that sends the same request again, even twenty times at once, gets one run", async () => {
      const scene = await openScene(store());
      const idempotency = { key: "order 66", owner: "key", orUnowned: true, bodyHash: "a" };
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, () => start(scene, { idempotency, threadId: "kitchen" })),
      );
      expect(outcomes.filter((outcome) => outcome.created)).toHaveLength(1);
      expect(new Set(outcomes.map((outcome) => outcome.runId)).size).toBe(1);
      const other = startParams({ idempotency: { ...idempotency, bodyHash: "b" } });
      expect(await scene.tenant.startRun(other)).toEqual({ kind: "idempotency_conflict" });
      const mine = (await claimAll(store())).filter((run) => run.tenantId === scene.tenantId);
      expect(mine).toHaveLength(1);
    });

    test("lists are newest first and can be narrowed by status, agent and thread", async () => {
      const scene = await openScene(store());
      const { tenant, agentId } = scene;
      const first = await start(scene, { threadId: "a" });
      const second = await start(scene, { threadId: "b" });
      const third = await start(scene);
      const ids = async (overrides: Partial<Parameters<typeof tenant.listRuns>[0]>) => {
        const all = { limit: 10, cursor: undefined, status: undefined, agent: undefined };
        const whole = { ...all, threadId: undefined, subject: undefined };
        return (await tenant.listRuns({ ...whole, ...overrides })).data.map((run) => run.id);
      };
      expect(await ids({})).toEqual([third.runId, second.runId, first.runId]);
      expect(await ids({ agent: "worker" })).toEqual([third.runId, second.runId, first.runId]);
      expect(await ids({ agent: agentId, threadId: "a" })).toEqual([first.runId]);
      const threadId = (await tenant.findThread({ idOrKey: "b", subject: null }))?.id;
      expect(await ids({ threadId })).toEqual([second.runId]);
      expect(await ids({ status: "completed" })).toEqual([]);
      expect(await ids({ agent: "nobody" })).toEqual([]);
      const page = await tenant.listRuns({
        limit: 2,
        cursor: undefined,
        status: "queued",
        agent: undefined,
        threadId: undefined,
        subject: undefined,
      });
      expect(page.nextCursor).not.toBeNull();
      expect(await ids({ limit: 2, cursor: page.nextCursor ?? "" })).toEqual([first.runId]);
    });

    test("what a start adds to its agent stands in the run's first fact, and its tools are judged by the agent's", async () => {
      const scene = await openScene(store());
      const tools = [{ name: "read", target: "external", inputSchema: { type: "object" } }];
      const pushed = {
        by: AN_ACTOR,
        name: "handy",
        description: null,
        version: null,
        configHash: "handy",
        promote: true,
      };
      const providerTools = [{ id: "demo.web_search" }];
      await scene.tenant.pushAgent({ ...pushed, config: { name: "handy", model: "demo/x", tools, providerTools } });
      const seen: unknown[] = [];
      const admit = ({ toolNames }: { readonly toolNames?: readonly string[] | null }) => {
        seen.push(toolNames ?? null);
        return [];
      };
      const scope = { instructions: NASTY, tools: ["read"] };
      const { runId } = await start(scene, { agent: "handy", scope, admit });
      await start(scene, { agent: "handy", admit });
      await scene.tenant.pushAgent({ ...pushed, name: "bare", config: { name: "bare", model: "demo/x" } });
      await start(scene, { agent: "bare", scope: { tools: [] }, admit });
      expect(seen).toEqual([["read", "web_search"], null, []]);
      const [created] = await factsOf(scene, runId);
      expect(JSON.parse(created?.payload ?? "")).toMatchObject(scope);
      const claimed = await claim(scene, runId);
      const loaded = await store().fleet.loadRun({ tenantId: scene.tenantId, runId, epoch: claimed.epoch });
      expect(loaded?.facts[0]).toEqual(created);
    });
  });
}
