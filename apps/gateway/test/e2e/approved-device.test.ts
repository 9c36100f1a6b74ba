import { randomUUID } from "node:crypto";
import { type ApprovalRecipient, CLOSE_CODES } from "@hsafa/protocol";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { callingAgent } from "../support/device-agent.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";
import { RawDevice } from "../support/raw-device.ts";
import type { TestGateway } from "../support/test-gateway.ts";
import { until } from "../support/until.ts";

/** What was approved for one device, and who may get it. The second device connects to the other gateway, if any. */
describe.each(GATEWAY_PAIRS)("a call that was approved for a device, %s", (_name, open, isSkipped) => {
  describe.skipIf(isSkipped)("on sockets", () => {
    let world: GatewayPair;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(() => world.close());
    const devices: RawDevice[] = [];
    afterEach(() => {
      for (const device of devices.splice(0)) device.socket.terminate();
    });

    async function connect(at: TestGateway, deviceKey: string, more: Record<string, unknown> = {}) {
      const device = new RawDevice(`${at.url.replace("http", "ws")}/devices/connect`);
      devices.push(device);
      await device.register({
        token: at.apiKey,
        deviceKey,
        tools: [{ name: "wipe", inputSchema: { type: "object" } }],
        ...more,
      });
      return device;
    }

    /** Starts a run whose one call waits to be approved for the device with this key. */
    async function startCall(deviceKey: string) {
      const { a } = world;
      const name = `agent-${randomUUID()}`;
      const tool = { name: "wipe", device: { key: deviceKey }, approval: "always" as const, timeoutMs: 1500 };
      await a.pushAgent(
        callingAgent(name, [{ tool: "wipe", args: { path: "/tmp", deep: [1, { b: 2, a: 1 }] } }], [tool]),
      );
      const { runId } = await a.startRun({ agent: name, input: "x" });
      await a.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const [call] = await a.toolCalls(runId);
      if (call === undefined || call.approval === null) throw new Error("the call was not shown for approval");
      return { runId, call, approval: call.approval };
    }

    const decide = async (runId: string, callId: string, digest: string) => {
      const body = { callId, approved: true, digest };
      expect((await world.b.call("POST", `/api/runs/${runId}/approvals`, body)).status).toBe(202);
    };

    test("goes to it as it was approved, also after it has connected elsewhere", async () => {
      const deviceKey = randomUUID();
      const before = await connect(world.a, deviceKey);
      const { deviceId } = await before.next("device.registered");
      const { runId, call, approval } = await startCall(deviceKey);
      expect(approval.recipient).toMatchObject({
        kind: "device",
        deviceKey,
        deviceId,
      } satisfies Partial<ApprovalRecipient>);
      const again = await connect(world.b, deviceKey, { bootId: "boot-2" });
      await decide(runId, call.id, approval.digest);
      const { callId, toolName, args } = await again.next("tool.call.request");
      expect({ callId, toolName, args }).toEqual({ callId: call.id, toolName: "wipe", args: call.args });
      expect(before.all("tool.call.request")).toEqual([]);
      again.send({ type: "tool.result", callId, result: "done" });
      await world.a.waitForEnd(runId);
    });

    test("is executed by nobody once the device was forgotten, and another one has come under its key", async () => {
      const deviceKey = randomUUID();
      const owner = await connect(world.a, deviceKey);
      const { deviceId } = await owner.next("device.registered");
      const { runId, call, approval } = await startCall(deviceKey);
      expect((await world.a.call("DELETE", `/api/devices/${deviceId}`)).status).toBe(204);
      expect((await owner.closed()).code).toBe(CLOSE_CODES.replaced);
      const stranger = await connect(world.b, deviceKey);
      await decide(runId, call.id, approval.digest);
      await world.a.waitForEnd(runId);
      const [after] = await world.a.toolCalls(runId);
      expect(after).toMatchObject({ status: "failed", error: { code: "not_as_approved" }, attempts: 0, sentAt: null });
      expect(stranger.all("tool.call.request")).toEqual([]);
    });

    test("is executed by nobody if the device is forgotten after the approval, and before it was sent", async () => {
      const deviceKey = randomUUID();
      const owner = await connect(world.a, deviceKey);
      const { deviceId } = await owner.next("device.registered");
      const { runId, call, approval } = await startCall(deviceKey);
      owner.socket.terminate();
      await owner.closed();
      await decide(runId, call.id, approval.digest);
      await until("the call is out", async () => (await world.a.toolCalls(runId))[0]?.status === "dispatched");
      expect((await world.a.call("DELETE", `/api/devices/${deviceId}`)).status).toBe(204);
      const stranger = await connect(world.b, deviceKey);
      await world.a.waitForEnd(runId);
      expect((await world.a.toolCalls(runId))[0]).toMatchObject({ status: "expired", sentAt: null });
      expect(stranger.all("tool.call.request")).toEqual([]);
    });
  });
});
