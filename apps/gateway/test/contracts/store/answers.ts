import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { RECOVERIES_MAX } from "../../../src/core/limits.ts";
import type { TakenRun } from "../../../src/ports/hold-offer.ts";
import type { Store } from "../../../src/ports/store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import {
  callOf,
  claim,
  claimAll,
  commitOf,
  endOf,
  openScene,
  type ParkedRun,
  parkWithCall,
  resultOf,
  type Scene,
  start,
} from "./scene.ts";

const LEASE_MS = 60_000;
const OFFER = { gatewayId: "gateway-a", claimNumber: 99, leaseDurationMs: LEASE_MS, sent: () => {} };

async function answered({ tenant }: Scene, { call, runId }: ParkedRun, offer = OFFER): Promise<TakenRun | null> {
  const outcome = await tenant.submitToolResult({
    ...resultOf(call.callId, "yes", { kind: "http", runId }),
    offer,
  });
  if (outcome.kind !== "accepted") throw new Error(`the result was not accepted: ${outcome.kind}`);
  return outcome.taken;
}

const external = { target: "external" as const, recipient: null };

export function answersOfStore(store: () => Store): void {
  describe("a result that takes its run", () => {
    test("one statement accepts it and claims the parked run, and gives back what waits", async () => {
      const scene = await openScene(store());
      const parked = await parkWithCall(scene, external);
      const taken = await answered(scene, parked);
      expect(taken?.claimed).toEqual({
        runId: parked.runId,
        tenantId: scene.tenantId,
        epoch: 2,
        lastSeq: parked.lastSeq,
        lost: false,
        recoveries: 0,
        stalls: 0,
      });
      const { claimed, inbox } = taken as TakenRun;
      const read = await scene.store.fleet.readInbox({ runId: parked.runId, epoch: 2 });
      expect(inbox).toEqual(read?.inbox);
      expect(inbox.inputs).toHaveLength(1);
      expect(await claimAll(scene.store, "gateway-b")).toEqual([]);
      const [input] = inbox.inputs;
      const commit = endOf(claimed, { consumed: [input?.inputId ?? ""], inboxMustBe: 1 });
      expect(await scene.store.fleet.commit(commit)).toMatchObject({ kind: "committed" });
    });

    test("a run that is held, or that nobody offers to take, is not taken", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const claimed = await claim(scene, runId);
      const call = callOf(external);
      const types = ["run.started", "tool.requested", "tool.dispatched"] as const;
      await scene.store.fleet.commit(commitOf(claimed, types, { calls: [call] }));
      expect(await answered(scene, { runId, claimed, call, lastSeq: 0 })).toBeNull();
      const parked = await parkWithCall(scene, external);
      const result = resultOf(parked.call.callId, "a", { kind: "http", runId: parked.runId });
      expect(await scene.tenant.submitToolResult(result)).toEqual({
        kind: "accepted",
        runId: parked.runId,
        taken: null,
      });
      expect((await claim(scene, parked.runId)).epoch).toBe(2);
    });

    test("with other inputs the run is taken, and they are to be read", async () => {
      const scene = await openScene(store());
      const parked = await parkWithCall(scene, external);
      const { runId } = parked;
      const input = { kind: "message", message: { role: "user", content: "And?" } } as const;
      await scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input, dedupe: null });
      const taken = await answered(scene, parked);
      expect(taken?.inbox).toEqual({ count: 2, inputs: [], resultsUnread: true });
    });

    test("the same result again takes nothing", async () => {
      const scene = await openScene(store());
      const parked = await parkWithCall(scene, external);
      await answered(scene, parked);
      const again = resultOf(parked.call.callId, "yes", { kind: "http", runId: parked.runId });
      expect(await scene.tenant.submitToolResult({ ...again, offer: OFFER })).toEqual({
        kind: "duplicate",
        runId: parked.runId,
      });
    });

    test("an answer that was lost: the lease is returned by the number of its claim, and does not count", async () => {
      const scene = await openScene(store());
      const parked = await parkWithCall(scene, external);
      await answered(scene, parked, { ...OFFER, claimNumber: 1234 });
      await scene.store.fleet.releaseClaims({
        gatewayId: OFFER.gatewayId,
        leaseDurationMs: LEASE_MS,
        claimNumbers: [1234],
      });
      expect(await claim(scene, parked.runId, "gateway-b")).toMatchObject({ epoch: 3, lost: false, recoveries: 0 });
    });

    test("a run on its last chance is left to a claim", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      for (let lost = 0; lost < RECOVERIES_MAX; lost++) {
        await scene.store.fleet.claimRuns({
          gatewayId: `doomed-${v7()}`,
          claimNumber: 1,
          leaseDurationMs: 0,
          limit: 100,
          places: { free: 1000, heldBy: new Map() },
          judgesUntil: Number.POSITIVE_INFINITY,
          lastChancesMax: 100,
        });
      }
      const claimed = await claim(scene, runId);
      expect(claimed.recoveries).toBe(RECOVERIES_MAX);
      const call = callOf(external);
      await scene.store.fleet.commit(
        commitOf(claimed, ["tool.requested", "tool.dispatched", "run.waiting"], {
          status: "waiting_tool",
          calls: [call],
          lease: { kind: "release", wakeAt: null },
        }),
      );
      expect(await answered(scene, { runId, claimed, call, lastSeq: 0 })).toBeNull();
      expect(await claim(scene, runId)).toMatchObject({ recoveries: RECOVERIES_MAX });
    });
  });
}
