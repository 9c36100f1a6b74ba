import type { GatewayReport } from "@hsafa/protocol";
import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import type { Store } from "../../../src/ports/store.ts";
import { claim, openScene, start } from "./scene.ts";

const REPORT: GatewayReport = {
  at: "2026-11-29T12:00:00.000Z",
  runsHeld: 1,
  devices: 2,
  watchers: 3,
  followedRuns: 1,
  bufferedBytes: 4,
  claimedRuns: 5,
  recoveredRuns: 1,
  liveLogFault: null,
  troubles: [{ at: "2026-11-29T12:00:00.000Z", level: "warn", message: "a gateway died" }],
};

export function fleetOfStore(store: () => Store): void {
  describe("how the gateways stand", () => {
    test("a gateway is known from its first heartbeat on, and says itself what it has in hand", async () => {
      const gatewayId = `gateway ${v7()}`;
      const mine = async () => (await store().fleet.readFleet()).gateways.find(({ id }) => id === gatewayId);
      await store().fleet.reportGateway({ gatewayId, report: REPORT });
      expect(await mine()).toBeUndefined();
      await store().fleet.recordHeartbeat({ gatewayId, stopping: false });
      const first = await mine();
      expect(first).toMatchObject({ isStopping: false, report: null });
      await store().fleet.reportGateway({ gatewayId, report: REPORT });
      await store().fleet.recordHeartbeat({ gatewayId, stopping: true });
      expect(await mine()).toMatchObject({ startedAt: first?.startedAt, isStopping: true, report: REPORT });
    });

    test("a run that waits for a gateway is due, and one that a gateway has is not", async () => {
      const scene = await openScene(store());
      const { runId } = await start(scene);
      const due = async () => (await store().fleet.readFleet()).oldestDue.find((run) => run.runId === runId);
      expect(await due()).toMatchObject({ tenantId: scene.tenantId, status: "queued", recoveries: 0 });
      const { queuedRuns, dueRuns } = await store().fleet.readFleet();
      expect([queuedRuns > 0, dueRuns > 0]).toEqual([true, true]);
      await claim(scene, runId);
      expect(await due()).toBeUndefined();
    });
  });
}
