import { expect, test } from "vitest";
import { settled } from "../../test/support/fakes.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import type { HeartbeatAnswer } from "../ports/fleet-store.ts";
import { FIRST_GENERATION } from "../ports/generation.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { GatewayHeartbeat } from "./gateway-heartbeat.ts";
import { GATEWAY_HEARTBEAT_INTERVAL_MS, GATEWAY_SILENCE_MS } from "./limits.ts";
import { StoreContact } from "./store-contact.ts";

const LEASE_MS = 6000;
const ANSWER: HeartbeatAnswer = { generation: FIRST_GENERATION, isJudged: true, written: 7, lastRevocation: 3 };

function world() {
  const clock = new ManualClock();
  const log = recordingLog();
  const said: string[] = [];
  const due: string[] = [];
  const answers: HeartbeatAnswer[] = [];
  const store = { isAway: false, gate: Promise.resolve(), runsOfTheDead: [] as string[] };
  const contact = new StoreContact({ clock, leaseDurationMs: LEASE_MS, isOnlyGateway: true });
  const heartbeat = new GatewayHeartbeat({
    gatewayId: "g",
    clock,
    contact,
    log,
    store: {
      async recordHeartbeat({ stopping }) {
        said.push(stopping ? "stopping" : "heartbeat");
        await store.gate;
        if (store.isAway) throw new StoreUnavailable("away");
        return ANSWER;
      },
      async endDeadGateways({ silenceMs }) {
        expect(silenceMs).toBe(GATEWAY_SILENCE_MS);
        said.push("look");
        return store.runsOfTheDead.splice(0);
      },
    },
    onAnswer: (answer) => answers.push(answer),
    onDue: (runIds) => due.push(...runIds),
  });
  const advance = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await settled();
    }
  };
  return { heartbeat, said, due, answers, store, contact, clock, log, advance };
}

test("each heartbeat that was answered brings what the store tells with it", async () => {
  const { heartbeat, answers, store, advance } = world();
  heartbeat.start();
  await advance(GATEWAY_HEARTBEAT_INTERVAL_MS + 50);
  expect(answers).toEqual([ANSWER, ANSWER]);
  store.isAway = true;
  await advance(2 * GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(answers).toHaveLength(2);
  await heartbeat.close();
});

test("heartbeats keep their pace, however slowly the store answers, and one is in flight at a time", async () => {
  const { heartbeat, said, store, advance } = world();
  const { promise, resolve } = Promise.withResolvers<void>();
  heartbeat.start();
  await advance(2 * GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said.filter((word) => word === "heartbeat")).toHaveLength(3);
  store.gate = promise;
  await advance(4 * GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said.filter((word) => word === "heartbeat")).toHaveLength(4);
  resolve();
  await advance(GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said.filter((word) => word === "heartbeat").length).toBeGreaterThanOrEqual(5);
  await heartbeat.close();
});

test("two heartbeats in a row are never as far apart as the silence that makes a gateway dead", () => {
  expect(2 * GATEWAY_HEARTBEAT_INTERVAL_MS).toBeLessThanOrEqual(GATEWAY_SILENCE_MS);
});

test("the runs of a dead gateway are rung for once", async () => {
  const { heartbeat, due, store, advance } = world();
  heartbeat.start();
  await advance(GATEWAY_HEARTBEAT_INTERVAL_MS);
  store.runsOfTheDead.push("a", "b");
  await advance(3 * GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(due).toEqual(["a", "b"]);
  await heartbeat.close();
});

test("a gateway that was cut off itself judges nobody for one lease time after it is back", async () => {
  const { heartbeat, said, store, advance } = world();
  heartbeat.start();
  await advance(GATEWAY_HEARTBEAT_INTERVAL_MS);
  await advance(GATEWAY_SILENCE_MS);
  expect(said).toContain("look");
  store.isAway = true;
  await advance(LEASE_MS);
  store.isAway = false;
  said.length = 0;
  await advance(LEASE_MS - GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said).toContain("heartbeat");
  expect(said).not.toContain("look");
  await advance(2 * GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said).toContain("look");
  await heartbeat.close();
});

test("a store that stalled for everybody condemns nobody: a gateway that was silent itself is first in time for as long as the others may take", async () => {
  const { heartbeat, said, store, advance } = world();
  const stall = Promise.withResolvers<void>();
  heartbeat.start();
  await advance(GATEWAY_SILENCE_MS + GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said).toContain("look");
  store.gate = stall.promise;
  await advance(GATEWAY_SILENCE_MS + GATEWAY_HEARTBEAT_INTERVAL_MS);
  said.length = 0;
  stall.resolve();
  await advance(GATEWAY_SILENCE_MS - 50);
  expect(said).toContain("heartbeat");
  expect(said).not.toContain("look");
  await advance(2 * GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said).toContain("look");
  await heartbeat.close();
});

test("a gateway that stops says so at once, its heartbeats go on while it finishes, and it judges nobody; then it is silent", async () => {
  const { heartbeat, said, advance } = world();
  heartbeat.start();
  await advance(GATEWAY_HEARTBEAT_INTERVAL_MS + 100);
  said.length = 0;
  await heartbeat.announceStop();
  expect(said).toEqual(["stopping"]);
  await advance(2 * GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said).toEqual(["stopping", "stopping", "stopping"]);
  await heartbeat.close();
  await advance(5 * GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said).toHaveLength(3);
});

test("a store that is away is no error, and the heartbeat is tried again", async () => {
  const { heartbeat, said, store, log, advance } = world();
  store.isAway = true;
  heartbeat.start();
  await advance(3 * GATEWAY_HEARTBEAT_INTERVAL_MS);
  expect(said.filter((word) => word === "heartbeat").length).toBeGreaterThanOrEqual(3);
  expect(log.errors).toEqual([]);
  await heartbeat.close();
});
