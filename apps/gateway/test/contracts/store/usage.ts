import type { Quotas } from "@hsafa/protocol";
import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { AUDIT_ENTRY_BYTES_COUNTED } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import {
  claim,
  commitOf,
  connect,
  CONFIG,
  delta,
  endOf,
  factsOf,
  openScene,
  parkWithCall,
  type Scene,
  start,
} from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

const TOOLS = [{ name: "open", description: "", inputSchema: {} }];

export function usageOfStore(store: () => Store): void {
  /** A sweep adds the changes up. It finds no gateway lost. */
  const fold = () => store().fleet.sweep({ gatewayTimeoutMs: 1e12 });

  /** What the tenant has. It is the same before and after its changes are added up. */
  async function usedBy({ tenant }: Scene): Promise<Quotas> {
    const { used } = await tenant.readUsage();
    await fold();
    const { used: afterFold } = await tenant.readUsage();
    expect(afterFold).toEqual(used);
    return used;
  }

  describe("usage", () => {
    test("runs count as queued until they begin, as active until they end, and at no time twice", async () => {
      const scene = await openScene(store());
      const runs = [await start(scene), await start(scene), await start(scene)];
      expect(await usedBy(scene)).toMatchObject({ queuedRuns: 3, activeRuns: 0 });
      const claimed = await claim(scene, runs[0]?.runId ?? "");
      const begun = commitOf(claimed, ["run.started"]);
      await store().fleet.commit(begun);
      await store().fleet.commit(begun);
      expect(await usedBy(scene)).toMatchObject({ queuedRuns: 2, activeRuns: 1 });
      await store().fleet.commit(endOf(claimed, { afterSeq: claimed.lastSeq + 1 }));
      expect(await usedBy(scene)).toMatchObject({ queuedRuns: 2, activeRuns: 0 });
      const waiting = await openScene(store());
      await parkWithCall(waiting);
      expect(await usedBy(waiting)).toMatchObject({ queuedRuns: 0, activeRuns: 1 });
    });

    test("threads, versions and devices count once each, however often they are named, and a deleted device no more", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const push = (configHash: string) =>
        tenant.pushAgent({
          by: AN_ACTOR,
          name: "worker",
          description: null,
          version: null,
          config: CONFIG,
          configHash,
          promote: true,
        });
      for (const hash of ["worker", "two", "two"]) await push(hash);
      for (let nth = 0; nth < 2; nth += 1) await start(scene, { threadId: "by key" });
      await tenant.createThread({ threadId: v7(), key: null, subject: null, metadata: {} });
      const { deviceId } = await connect(scene, { deviceKey: "laptop", tools: TOOLS });
      await connect(scene, { deviceKey: "laptop", tools: TOOLS });
      await connect(scene, { deviceKey: "phone", tools: TOOLS });
      expect(await usedBy(scene)).toMatchObject({ threads: 2, agentVersions: 2, devices: 2 });
      await tenant.deleteDevice({ by: AN_ACTOR, deviceId });
      expect(await usedBy(scene)).toMatchObject({ devices: 1 });
      expect(await tenant.knows({ kind: "device", key: "phone" })).toBe(true);
      expect(await tenant.knows({ kind: "device", key: "laptop" })).toBe(false);
      expect(await tenant.knows({ kind: "thread", key: "by key", subject: null })).toBe(true);
      const of = { owner: "key", orUnowned: true };
      const { runId } = await start(scene, { idempotency: { key: "once", ...of, bodyHash: "a" } });
      const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
      await tenant.enqueueInput({ by: AN_ACTOR, runId, input: message, dedupe: { key: "first", bodyHash: "a" } });
      expect(await tenant.knows({ kind: "input", runId, key: "first" })).toBe(true);
      expect(await tenant.knows({ kind: "input", runId, key: "second" })).toBe(false);
      expect(await tenant.knows({ kind: "run", key: "once", ...of })).toBe(true);
      expect(await tenant.knows({ kind: "run", key: "twice", ...of })).toBe(false);
      expect(await tenant.knows({ kind: "version", agent: "worker", configHash: "two" })).toBe(true);
      expect(await tenant.knows({ kind: "version", agent: "worker", configHash: "three" })).toBe(false);
    });

    test("every stored event counts by the bytes of its payload, also one of a batch, and a repeated one does not", async () => {
      const scene = await openScene(store());
      const before = await usedBy(scene);
      const { runId } = await start(scene, { metadata: { note: "é" } });
      const facts = await factsOf(scene, runId);
      const bytesOf = (texts: readonly string[]): number =>
        texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      const begun = bytesOf([...facts.map(({ payload }) => payload), '{"note":"é"}']);
      expect((await usedBy(scene)).storedBytes - before.storedBytes).toBe(begun);
      const claimed = await claim(scene, runId);
      const step = commitOf(claimed, ["run.started", "step.started"]);
      await store().fleet.commit(step);
      const record = delta(claimed.lastSeq + 2, 1, "some text é");
      const row = { tenantId: scene.tenantId, runId, epoch: claimed.epoch, record };
      for (let nth = 0; nth < 2; nth += 1) await store().fleet.appendDeltas({ rows: [row, row] });
      const written = bytesOf([...step.facts.map(({ payload }) => payload), record.payload]);
      expect((await usedBy(scene)).storedBytes - before.storedBytes).toBe(begun + written);
    });

    test("the tools of a device count as long as it has them", async () => {
      const scene = await openScene(store());
      const before = await usedBy(scene);
      const { deviceId } = await connect(scene, { deviceKey: "laptop", tools: TOOLS });
      await connect(scene, {
        deviceKey: "laptop",
        tools: [...TOOLS, { ...TOOLS[0], name: "close" } as (typeof TOOLS)[0]],
      });
      expect((await usedBy(scene)).storedBytes).toBeGreaterThan(before.storedBytes + 50);
      await scene.tenant.deleteDevice({ by: AN_ACTOR, deviceId });
      expect((await usedBy(scene)).storedBytes).toBe(before.storedBytes + AUDIT_ENTRY_BYTES_COUNTED);
    });

    test("the tokens of each step count once, and nonsense of a provider breaks no commit", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const claimed = await claim(scene, runId);
      const first = commitOf(claimed, ["run.started"], { run: { usage: { inputTokens: 3, outputTokens: 4 } } });
      await store().fleet.commit(first);
      await store().fleet.commit(first);
      expect(await usedBy(scene)).toMatchObject({ tokensPerDay: 7 });
      const afterSeq = claimed.lastSeq + 1;
      const usage = { inputTokens: 10, outputTokens: 10, totalTokens: 30 };
      await store().fleet.commit(commitOf(claimed, ["step.started"], { afterSeq, run: { usage } }));
      expect(await usedBy(scene)).toMatchObject({ tokensPerDay: 30 });
      const absurd = { totalTokens: 1e300 };
      await store().fleet.commit(endOf(claimed, { afterSeq: afterSeq + 1, run: { usage: absurd } }));
      expect(await usedBy(scene)).toMatchObject({ tokensPerDay: 1e12 });
    });

    test("limits are kept by their names: one that is set again is replaced, null takes one away, others stay", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const limits = async () => (await tenant.readUsage()).limits;
      expect(await limits()).toEqual({});
      await tenant.setLimits({ by: AN_ACTOR, limits: { devices: 0, threads: null } });
      expect(await limits()).toEqual({ devices: 0 });
      await tenant.setLimits({ by: AN_ACTOR, limits: { threads: 5, storedBytes: Number.MAX_SAFE_INTEGER } });
      await tenant.setLimits({ by: AN_ACTOR, limits: { threads: 6 } });
      expect(await limits()).toEqual({ devices: 0, threads: 6, storedBytes: Number.MAX_SAFE_INTEGER });
      await tenant.setLimits({ by: AN_ACTOR, limits: { devices: null } });
      expect(await limits()).toEqual({ threads: 6, storedBytes: Number.MAX_SAFE_INTEGER });
    });

    test("folds at once with everything else lose nothing and count nothing twice", async () => {
      const scene = await openScene(store());
      await Promise.all(
        Array.from({ length: 40 }, async (_, nth) => {
          if (nth % 4 === 0) await fold();
          else await start(scene, { threadId: `thread ${nth}` });
        }),
      );
      expect(await usedBy(scene)).toMatchObject({ queuedRuns: 30, threads: 30 });
    });
  });
}
