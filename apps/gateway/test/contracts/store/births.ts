import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { RunProjection } from "../../../src/ports/fleet-store.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { NewRun, StartOffer } from "../../../src/ports/hold-offer.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { claim, claimAll, commitOf, endOf, fact, factsOf, openScene, type Scene, start, startParams } from "./scene.ts";

const LEASE_MS = 60_000;
const GATEWAY = "gateway-a";

/** An offer that begins each run with its first step, and remembers what it was asked about. */
function offerOf(
  overrides: Partial<StartOffer> = {},
): StartOffer & { readonly asked: NewRun[]; readonly said: string[] } {
  const asked: NewRun[] = [];
  const said: string[] = [];
  return {
    gatewayId: GATEWAY,
    claimNumber: 77,
    leaseDurationMs: LEASE_MS,
    asked,
    said,
    begin(run) {
      asked.push(run);
      said.push("begin");
      const { length } = run.facts;
      const facts = [fact(length + 1, "run.started"), fact(length + 2, "step.started")];
      return { facts, run: { ...RUNNING, startedAt: run.now } };
    },
    sent: () => void said.push("sent"),
    ...overrides,
  };
}

const RUNNING: RunProjection = {
  status: "running",
  steps: 1,
  openStep: 1,
  usage: {},
  childrenUsage: {},
  output: null,
  finishReason: null,
  error: null,
  startedAt: null,
  completedAt: null,
};

const typesOf = async (scene: Scene, runId: string): Promise<string[]> =>
  (await factsOf(scene, runId)).map(({ type }) => type);

/** A run that was born, as its holder has it. */
const heldBy = (scene: Scene, runId: string, lastSeq: number) => ({
  runId,
  tenantId: scene.tenantId,
  epoch: 1,
  lastSeq,
  lost: false,
  recoveries: 0,
  stalls: 0,
});

export function birthsOfStore(store: () => Store): void {
  describe("a run that is born with its lease", () => {
    test("one statement makes it, held and begun, and its holder goes on", async () => {
      const scene = await openScene(store());
      const offer = offerOf();
      const { runId, status, isHeld, created } = await start(scene, { offer, deviceKey: "tab" });
      expect({ status, isHeld, created }).toEqual({ status: "running", isHeld: true, created: true });
      expect(offer.said).toEqual(["begin", "sent"]);
      expect(offer.asked).toEqual([expect.objectContaining({ runId, deviceKey: "tab", earlierRunIds: [] })]);
      expect(await typesOf(scene, runId)).toEqual(["run.created", "message.user", "run.started", "step.started"]);
      expect(await scene.tenant.findRun({ runId })).toMatchObject({ status: "running", steps: 1, position: "4-0" });
      expect((await scene.tenant.findRun({ runId }))?.startedAt).not.toBeNull();
      expect(await claimAll(scene.store, "gateway-b")).toEqual([]);
      const held = heldBy(scene, runId, 4);
      const { fleet } = scene.store;
      expect(
        await fleet.renewLeases({ gatewayId: GATEWAY, leaseDurationMs: LEASE_MS, runs: [{ runId, epoch: 1 }] }),
      ).toEqual([{ runId, epoch: 1, inbox: 0 }]);
      expect(await fleet.loadRun({ tenantId: scene.tenantId, runId, epoch: 1 })).toMatchObject({
        lastPosition: { seq: 4, sub: 0 },
      });
      expect(await fleet.commit(endOf(held))).toMatchObject({ kind: "committed" });
    });

    test("a gateway that dies right after leaves a run that counts as lost once its lease ends", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene, { offer: offerOf({ leaseDurationMs: 0 }) });
      expect(await claim(scene, runId, "gateway-b")).toMatchObject({ epoch: 2, lastSeq: 4, lost: true, recoveries: 1 });
      expect(await scene.store.fleet.commit(commitOf(heldBy(scene, runId, 4), ["step.completed"]))).toEqual({
        kind: "fenced",
      });
    });

    test("an answer that was lost: the lease is returned by the number of its claim, and does not count", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene, { offer: offerOf({ claimNumber: 4711 }) });
      const { fleet } = scene.store;
      await fleet.releaseClaims({ gatewayId: GATEWAY, leaseDurationMs: LEASE_MS, claimNumbers: [4711] });
      expect(await claim(scene, runId, "gateway-b")).toMatchObject({ epoch: 2, lost: false, recoveries: 0 });
    });

    test("a version that becomes the agent's between two starts is what the second one runs", async () => {
      const scene = await openScene(store());
      const push = { by: AN_ACTOR, name: "worker", description: null, version: null, configHash: "second" };
      const versionIds: string[] = [];
      const models: string[] = [];
      const startOne = async (): Promise<void> => {
        const offer = offerOf();
        const { runId, isHeld } = await start(scene, { offer });
        expect(isHeld).toBe(true);
        versionIds.push((await scene.tenant.findRun({ runId }))?.versionId ?? "");
        models.push(offer.asked.at(-1)?.config.model ?? "");
        await scene.store.fleet.commit(endOf(heldBy(scene, runId, 4)));
      };
      await startOne();
      await startOne();
      const config = { name: "worker", model: "demo/second" };
      const next = await scene.tenant.pushAgent({ ...push, config, promote: true });
      await startOne();
      await startOne();
      expect(versionIds).toEqual([scene.versionId, scene.versionId, next.versionId, next.versionId]);
      expect(models.slice(2)).toEqual(["demo/second", "demo/second"]);
    });

    test("runs that follow each other have times that follow each other", async () => {
      const scene = await openScene(store());
      const times: number[] = [];
      for (let n = 0; n < 3; n++) {
        const { runId } = await start(scene, { offer: offerOf() });
        times.push(Date.parse((await scene.tenant.findRun({ runId }))?.createdAt ?? ""));
        const { fleet } = scene.store;
        await fleet.commit(endOf(heldBy(scene, runId, 4)));
      }
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    });

    test("what the offer declines is queued with its first facts alone", async () => {
      const scene = await openScene(store());
      const offer = offerOf({ begin: () => null });
      const { runId, status, isHeld } = await start(scene, { offer });
      expect(offer.said).toEqual([]);
      expect({ status, isHeld }).toEqual({ status: "queued", isHeld: false });
      expect(await typesOf(scene, runId)).toEqual(["run.created", "message.user"]);
      expect(await claim(scene, runId)).toMatchObject({ epoch: 1, lastSeq: 2 });
    });

    test("of requests with one key one is born, and the others find it", async () => {
      const scene = await openScene(store());
      const idempotency = { key: v7(), owner: "me", orUnowned: false, bodyHash: "a" };
      const made = await Promise.all(Array.from({ length: 6 }, () => start(scene, { idempotency, offer: offerOf() })));
      expect(new Set(made.map(({ runId }) => runId)).size).toBe(1);
      expect(made.filter(({ isHeld }) => isHeld)).toHaveLength(1);
      expect(made.filter(({ created }) => created)).toEqual(made.filter(({ isHeld }) => isHeld));
    });

    test("a key finds its run also where the agent is remembered: for its owner, and for the same body", async () => {
      const scene = await openScene(store());
      await start(scene, { offer: offerOf() });
      const mine = { key: "once", owner: "me", orUnowned: false, bodyHash: "a" };
      const first = await start(scene, { idempotency: mine, offer: offerOf() });
      expect(first).toMatchObject({ created: true, isHeld: true });
      for (const idempotency of [mine, { ...mine, orUnowned: true }]) {
        const again = await start(scene, { idempotency, offer: offerOf() });
        expect(again).toMatchObject({ runId: first.runId, created: false, isHeld: false });
      }
      const other = startParams({ idempotency: { ...mine, bodyHash: "b" }, offer: offerOf() });
      expect(await scene.tenant.startRun(other)).toEqual({ kind: "idempotency_conflict" });
      const theirs = await start(scene, { idempotency: { ...mine, owner: "them" }, offer: offerOf() });
      expect(theirs).toMatchObject({ created: true, isHeld: true });
    });

    test("on a thread it is born when its turn has come, and sees the ended runs before it (R5)", async () => {
      const scene = await openScene(store());
      const threadId = `chat ${v7()}`;
      const first = await start(scene, { threadId, offer: offerOf() });
      expect(first.isHeld).toBe(true);
      const waiting = await start(scene, { threadId, offer: offerOf() });
      expect({ isHeld: waiting.isHeld, status: waiting.status }).toEqual({ isHeld: false, status: "queued" });
      expect(await typesOf(scene, waiting.runId)).toEqual(["run.created", "message.user"]);
      expect(await claimAll(scene.store)).toEqual([]);
      expect(await scene.store.fleet.commit(endOf(heldBy(scene, first.runId, 4)))).toEqual({
        kind: "committed",
        wakes: [waiting.runId],
      });
      await scene.store.fleet.commit(endOf(await claim(scene, waiting.runId)));
      const offer = offerOf();
      expect((await start(scene, { threadId, offer })).isHeld).toBe(true);
      expect(offer.asked.at(-1)?.earlierRunIds).toEqual([first.runId, waiting.runId]);
    });

    test("of many that start on a thread at once one is born at most, and it is the first of them (R5)", async () => {
      const scene = await openScene(store());
      const { thread } = await scene.tenant.createThread({ threadId: v7(), key: null, subject: null, metadata: {} });
      const made = await Promise.all(
        Array.from({ length: 8 }, () => scene.tenant.startRun(startParams({ threadId: thread.id, offer: offerOf() }))),
      );
      const born = made.filter((outcome) => outcome.kind === "started" && outcome.isHeld);
      expect(born.length).toBeLessThanOrEqual(1);
      const due = await claimAll(scene.store);
      expect(due.length + born.length).toBe(1);
    });
  });
}
