import { describe, expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { settled } from "../../test/support/fakes.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import { GATEWAY_BEAT_MS, GATEWAY_SILENCE_MS } from "./limits.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { GatewayHeartbeat } from "./gateway-heartbeat.ts";
import { StoreContact } from "./store-contact.ts";

const LEASE_MS = 6000;

function world() {
  const clock = new ManualClock();
  const log = recordingLog();
  const said: string[] = [];
  const due: string[] = [];
  const store = { isAway: false, gate: Promise.resolve(), runsOfTheDead: [] as string[] };
  const contact = new StoreContact({ clock, leaseDurationMs: LEASE_MS, isOnlyGateway: true });
  const pulse = new GatewayHeartbeat({
    gatewayId: "g",
    clock,
    contact,
    log,
    store: {
      async recordHeartbeat({ stopping }) {
        said.push(stopping ? "stopping" : "beat");
        await store.gate;
        if (store.isAway) throw new StoreUnavailable("away");
      },
      async endDeadGateways({ silenceMs }) {
        expect(silenceMs).toBe(GATEWAY_SILENCE_MS);
        said.push("look");
        return store.runsOfTheDead.splice(0);
      },
    },
    onDue: (runIds) => due.push(...runIds),
  });
  const advance = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await settled();
    }
  };
  return { pulse, said, due, store, contact, clock, log, advance };
}

describe("the pulse", () => {
  test("beats at a steady pace, however slowly the store answers, one beat at a time", async () => {
    const { pulse, said, store, advance } = world();
    const { promise, resolve } = Promise.withResolvers<void>();
    pulse.start();
    await advance(2 * GATEWAY_BEAT_MS);
    expect(said.filter((word) => word === "beat")).toHaveLength(3);
    store.gate = promise;
    await advance(4 * GATEWAY_BEAT_MS);
    expect(said.filter((word) => word === "beat")).toHaveLength(4);
    resolve();
    await advance(GATEWAY_BEAT_MS);
    expect(said.filter((word) => word === "beat").length).toBeGreaterThanOrEqual(5);
    await pulse.close();
  });

  test("two beats in a row are never as far apart as the silence that makes a gateway dead", () => {
    expect(2 * GATEWAY_BEAT_MS).toBeLessThanOrEqual(GATEWAY_SILENCE_MS);
  });

  test("runs of a dead gateway are told once", async () => {
    const { pulse, due, store, advance } = world();
    pulse.start();
    await advance(GATEWAY_BEAT_MS);
    store.runsOfTheDead.push("a", "b");
    await advance(3 * GATEWAY_BEAT_MS);
    expect(due).toEqual(["a", "b"]);
    await pulse.close();
  });

  test("whoever was cut off itself judges nobody for one lease time after it is back", async () => {
    const { pulse, said, store, advance } = world();
    pulse.start();
    await advance(GATEWAY_BEAT_MS);
    await advance(GATEWAY_SILENCE_MS);
    expect(said).toContain("look");
    store.isAway = true;
    await advance(LEASE_MS);
    store.isAway = false;
    said.length = 0;
    await advance(LEASE_MS - GATEWAY_BEAT_MS);
    expect(said).toContain("beat");
    expect(said).not.toContain("look");
    await advance(2 * GATEWAY_BEAT_MS);
    expect(said).toContain("look");
    await pulse.close();
  });

  test("a store that stalled for everybody condemns nobody: whoever was silent itself first beats on time for as long as it takes the others", async () => {
    const { pulse, said, store, advance } = world();
    const stall = Promise.withResolvers<void>();
    pulse.start();
    await advance(GATEWAY_SILENCE_MS + GATEWAY_BEAT_MS);
    expect(said).toContain("look");
    store.gate = stall.promise;
    await advance(GATEWAY_SILENCE_MS + GATEWAY_BEAT_MS);
    said.length = 0;
    stall.resolve();
    await advance(GATEWAY_SILENCE_MS - 50);
    expect(said).toContain("beat");
    expect(said).not.toContain("look");
    await advance(2 * GATEWAY_BEAT_MS);
    expect(said).toContain("look");
    await pulse.close();
  });

  test("a gateway that stops says so at once, beats on while it finishes, and judges nobody; then it is silent", async () => {
    const { pulse, said, advance } = world();
    pulse.start();
    await advance(GATEWAY_BEAT_MS + 100);
    said.length = 0;
    await pulse.stopping();
    expect(said).toEqual(["stopping"]);
    await advance(2 * GATEWAY_BEAT_MS);
    expect(said).toEqual(["stopping", "stopping", "stopping"]);
    await pulse.close();
    await advance(5 * GATEWAY_BEAT_MS);
    expect(said).toHaveLength(3);
  });

  test("a store that is away is no error, and is asked again", async () => {
    const { pulse, said, store, log, advance } = world();
    store.isAway = true;
    pulse.start();
    await advance(3 * GATEWAY_BEAT_MS);
    expect(said.filter((word) => word === "beat").length).toBeGreaterThanOrEqual(3);
    expect(log.errors).toEqual([]);
    await pulse.close();
  });
});
