import { v7 } from "uuid";
import { describe, expect, test, vi } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { claim, connect as connectDevice, openScene, start } from "./scene.ts";
import { EMPTY_PLACES } from "../../support/empty-places.ts";

/** Shorter than any silence: a gateway counts as silent even just after its heartbeat. */
export const NO_SILENCE_MS = -10;

/** Another process on the same database. */
export interface Process {
  readonly store: Store;
  /** The process dies, with the gateway that ran in it. */
  die(gatewayId: string): Promise<void>;
}

export function lifelinesOfStore(store: () => Store): void {
  test("a gateway without a heartbeat or a lifeline is judged by its leases alone", async () => {
    const scene = await openScene(store());
    const { runId } = await start(scene);
    await claim(scene, runId, `gateway ${v7()}`);
    const ended = await store().fleet.endDeadGateways({ silenceMs: NO_SILENCE_MS, until: Number.POSITIVE_INFINITY });
    expect(ended).not.toContain(runId);
  });
}

/** For stores that several processes share. */
export function lifelinesOfProcesses(store: () => Store, connect: () => Promise<Process>): void {
  /** A gateway in a process of its own, with a run and a device. It sends one heartbeat. */
  async function gatewayWithWork() {
    const scene = await openScene(store());
    const process = await connect();
    const gatewayId = `gateway ${v7()}`;
    await process.store.fleet.recordHeartbeat({ gatewayId, stopping: false });
    const device = await connectDevice({ ...scene, store: process.store }, { gatewayId });
    const { runId } = await start(scene);
    const held = await claim(scene, runId, gatewayId);
    return { scene, process, gatewayId, device, runId, held };
  }
  const endDead = (silenceMs: number, until = Number.POSITIVE_INFINITY) =>
    store().fleet.endDeadGateways({ silenceMs, until });
  /** The connection of a process that died is gone in a moment. */
  const endedSoon = (runId: string) =>
    vi.waitFor(async () => {
      const ended = await endDead(NO_SILENCE_MS);
      expect(ended).toContain(runId);
      return ended;
    });
  const isCurrent = async (sessionId: string) =>
    (await store().fleet.readOpenCalls({ sessionIds: [sessionId] })).map((session) => session.current);

  describe("lifelines", () => {
    test("the runs of a gateway whose process died are due before their leases end, and count as lost; its devices' sessions are over", async () => {
      const dying = await gatewayWithWork();
      const { scene, process, gatewayId, device, runId } = dying;
      await process.die(gatewayId);
      expect(await endedSoon(runId)).toEqual([runId]);
      expect(await isCurrent(device.sessionId)).toEqual([false]);
      expect(await claim(scene, runId, "gateway-b")).toMatchObject({ epoch: 2, lost: true, recoveries: 1 });
      // It is judged once: runs that others have claimed since stay theirs.
      expect(await endDead(NO_SILENCE_MS)).not.toContain(runId);
    });

    test("so are the runs that its lease covers", async () => {
      const { scene, process, gatewayId, runId, held } = await gatewayWithWork();
      await process.store.fleet.renewLeases({ gatewayId, leaseDurationMs: 3600_000, runs: [held] });
      await process.die(gatewayId);
      expect(await endedSoon(runId)).toEqual([runId]);
      expect(await claim(scene, runId, "gateway-b")).toMatchObject({ epoch: 2, lost: true });
      expect(await store().fleet.renewLeases({ gatewayId, leaseDurationMs: 3600_000, runs: [held] })).toEqual([]);
    });

    test("a judgement that was held up on its way ends nobody: what held it up may have kept the others silent", async () => {
      const { process, gatewayId, runId } = await gatewayWithWork();
      await process.die(gatewayId);
      const { now } = await store().fleet.claimRuns({
        gatewayId: "gateway-a",
        claimNumber: 1,
        leaseDurationMs: 1000,
        limit: 1,
        places: EMPTY_PLACES,
        judgesUntil: null,
        lastChancesMax: 1,
      });
      for (let tries = 0; tries < 5; tries++) expect(await endDead(NO_SILENCE_MS, now - 1)).toEqual([]);
      expect(await endedSoon(runId)).toEqual([runId]);
    });

    test("a gateway that is frozen, or slow, or cut off without a word keeps its runs until their leases end", async () => {
      const silent = await gatewayWithWork();
      const { scene, process, gatewayId, device, runId } = silent;
      expect(await endDead(NO_SILENCE_MS)).not.toContain(runId);
      expect(await isCurrent(device.sessionId)).toEqual([true]);
      await expect(claim(scene, runId, "gateway-b")).rejects.toThrow("was not due");
      await process.die(gatewayId);
    });

    test("a gateway whose connection broke, and whose heartbeats go on, is not dead", async () => {
      const cut = await gatewayWithWork();
      const { process, gatewayId, runId } = cut;
      await process.die(gatewayId);
      expect(await endDead(60_000)).not.toContain(runId);
      const again = await connect();
      await vi.waitFor(async () => {
        await again.store.fleet.recordHeartbeat({ gatewayId, stopping: false });
        expect(await endDead(NO_SILENCE_MS)).not.toContain(runId);
      });
      await again.die(gatewayId);
      expect(await endedSoon(runId)).toEqual([runId]);
    });

    test("of many gateways that find a dead one at the same moment, one is told of its runs", async () => {
      const dying = await gatewayWithWork();
      const { process, gatewayId, runId } = dying;
      await process.die(gatewayId);
      const told: string[] = [];
      await vi.waitFor(async () => {
        const answers = await Promise.all(Array.from({ length: 12 }, () => endDead(NO_SILENCE_MS)));
        told.push(...answers.flat().filter((id) => id === runId));
        expect(told).not.toEqual([]);
      });
      expect(told).toEqual([runId]);
    });
  });
}
