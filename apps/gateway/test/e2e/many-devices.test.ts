import { CLOSE_CODES, type Device, type Page } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { apiKeyHash, newApiKey } from "../../src/access/api-key.ts";
import { REGISTRATIONS_PER_BATCH_MAX } from "../../src/devices/limits.ts";
import { callingAgent, ofType } from "../support/device-agent.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";
import { RawDevice } from "../support/raw-device.ts";
import type { TestGateway } from "../support/test-gateway.ts";

/** More than one statement registers. */
const COUNT = REGISTRATIONS_PER_BATCH_MAX + 10;

describe.each(GATEWAY_PAIRS)("many devices at once, %s", (_, open, isSkipped) => {
  let pair: GatewayPair;
  const sockets: RawDevice[] = [];
  beforeAll(async () => {
    if (!isSkipped) pair = await open();
  });
  afterAll(async () => {
    for (const { socket } of sockets) socket.terminate();
    await pair?.close();
  });

  function connect({ url }: TestGateway, message: Readonly<Record<string, unknown>>): Promise<RawDevice> {
    const device = new RawDevice(`${url.replace("http", "ws")}/devices/connect`);
    sockets.push(device);
    return device.register({
      token: pair.a.apiKey,
      deviceKey: "",
      tools: [{ name: "read", inputSchema: {} }],
      ...message,
    });
  }

  test.skipIf(isSkipped)(
    "one that is refused and one that makes no sense among them fail alone; all others are back on another gateway",
    async () => {
      const { a, b } = pair;
      const other = newApiKey();
      const key = {
        tenantName: "default",
        name: "other",
        keyHash: apiKeyHash(other),
        scopes: ["devices:connect" as const],
      };
      await a.gateway.store.fleet.ensureApiKey(key);
      await connect(a, { token: other, deviceKey: "theirs" });
      const keys = Array.from({ length: COUNT }, (_each, nth) => `device-${nth}`);
      const crowd = (gateway: TestGateway, bootId: string) =>
        Promise.all([
          // A key that may take nothing over.
          connect(gateway, { token: other, deviceKey: "device-7", bootId }),
          connect(gateway, { deviceKey: "wrong", tools: [{ name: "read", inputSchema: { type: "nothing" } }] }),
          ...keys.map((deviceKey) => connect(gateway, { deviceKey, bootId })),
        ]);
      await Promise.all(keys.map((deviceKey) => connect(a, { deviceKey, bootId: "boot 1" })));
      const [refused, wrong, ...back] = await crowd(b, "boot 2");
      expect(refused?.closedWith).toMatchObject({ code: CLOSE_CODES.notAuthenticated });
      expect(wrong?.closedWith).toMatchObject({ code: CLOSE_CODES.protocolError });
      const ids = back.map((device) => device.all("device.registered")[0]?.deviceId);
      expect(new Set(ids).size).toBe(COUNT);
      expect(ids).not.toContain(undefined);
      // Each of the former connections learns that it was replaced.
      const former = sockets.slice(1, 1 + COUNT);
      for (const device of former)
        expect((await device.until(() => device.closedWith)).code).toBe(CLOSE_CODES.replaced);
      const online: string[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const after: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const { body } = await b.call<Page<Device>>("GET", `/api/devices?limit=100${after}`);
        online.push(...body.data.filter((device) => device.online).map(({ key: deviceKey }) => deviceKey));
        cursor = body.nextCursor;
      }
      expect(online.toSorted()).toEqual([...keys, "theirs"].toSorted());

      await a.pushAgent(callingAgent("asks", [{ tool: "read" }], [{ device: { key: `device-${COUNT - 1}` } }]));
      const { runId } = await a.startRun({ agent: "asks", input: "x" });
      const last = back.at(-1);
      const request = await last?.until(() => last.all("tool.call.request")[0]);
      last?.send({ type: "tool.result", callId: request?.callId, result: "read" });
      await a.waitForEnd(runId);
      expect(ofType(await a.events(runId), "tool.completed")).toHaveLength(1);
    },
  );
});
