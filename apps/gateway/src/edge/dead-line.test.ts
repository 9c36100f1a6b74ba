import { describe, expect, test } from "vitest";
import { startDeviceWorld } from "../../test/support/device-world.ts";
import { FakeTransport } from "../../test/support/fake-transport.ts";
import { settled } from "../../test/support/fakes.ts";
import { openDeviceSocket } from "./device/open-device-socket.ts";
import { openWatchSocket, type WatchSocketDeps } from "./watch/open-watch-socket.ts";
import { LoopTurns } from "../runtime/loop-turns.ts";
import { asTenantId } from "../core/tenant-id.ts";

/** What is promised, in milliseconds. */
const NOTICED_MS = 20_000;

/** On whatever moment of the heartbeat the line dies, the gateway ends the connection in time. */
async function untilNoticed(transport: FakeTransport, advance: (ms: number) => void, livesMs: number): Promise<number> {
  let answered = 0;
  const step = 250;
  for (let at = 0; at < livesMs; at += step) {
    advance(step);
    for (; answered < transport.pings; answered += 1) transport.pongs();
  }
  for (let ms = 0; ; ms += step) {
    if (transport.closedWith !== null || ms > 10 * NOTICED_MS) return ms;
    advance(step);
    await settled();
  }
}

describe.each([0, 1000, 4750, 5000, 7500, 60_250])("a line that dies after %s ms", (livesMs) => {
  test("is noticed on a device's socket in time", async () => {
    const { devices, clock, log } = startDeviceWorld();
    const transport = new FakeTransport();
    openDeviceSocket(transport, {
      devices,
      clock,
      log,
      turns: new LoopTurns(clock),
      takePlace: () => null,
      from: "10.0.0.1",
    });
    transport.says({ type: "device.register", token: "good", deviceKey: "d", bootId: "b", tools: [] });
    await settled();
    expect(transport.sent).toMatchObject([{ type: "device.registered" }]);
    expect(await untilNoticed(transport, (ms) => clock.advance(ms), livesMs)).toBeLessThan(NOTICED_MS);
    expect(transport.closedWith).toMatchObject({ code: 4408 });
    transport.closes();
  });

  test("is noticed on a watch socket in time", async () => {
    const { clock, log } = startDeviceWorld();
    const transport = new FakeTransport();
    const authenticate: WatchSocketDeps["authenticate"] = async () => ({
      kind: "authenticated",
      principal: { kind: "token", keyId: "key-1", tenantId: asTenantId("t"), name: "test", scopes: ["runs:read"] },
    });
    const nothing = { store: {}, hub: {}, threads: {} } as Pick<WatchSocketDeps, "store" | "hub" | "threads">;
    openWatchSocket(transport, {
      ...nothing,
      authenticate,
      clock,
      log,
      turns: new LoopTurns(clock),
      takePlace: () => null,
    });
    transport.says({ type: "auth", token: "good" });
    await settled();
    expect(transport.sent).toMatchObject([{ type: "authenticated" }]);
    expect(await untilNoticed(transport, (ms) => clock.advance(ms), livesMs)).toBeLessThan(NOTICED_MS);
    expect(transport.closedWith).toMatchObject({ code: 4408 });
    transport.closes();
  });
});
