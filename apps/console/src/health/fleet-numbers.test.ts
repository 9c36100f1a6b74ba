import type { Fleet, FleetGateway } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { fleetNumbers } from "./fleet-numbers.ts";
import { gatewayWords } from "./gateway-words.ts";
import { troublesOf } from "./troubles-of.ts";

const asOf = "2026-11-29T12:00:00.000Z";
const now = Date.parse(asOf);
const before = (ms: number): string => new Date(now - ms).toISOString();

function aGateway(id: string, more: Partial<FleetGateway> = {}): FleetGateway {
  const report = {
    at: asOf,
    runsHeld: 1,
    devices: 2,
    watchers: 3,
    followedRuns: 1,
    bufferedBytes: 0,
    claimedRuns: 9,
    recoveredRuns: 1,
    liveLogFault: null,
    troubles: [{ at: before(Number(id) * 1000), level: "warn" as const, message: `trouble ${id}` }],
  };
  return { id, startedAt: before(60_000), beatenAt: before(300), isStopping: false, report, ...more };
}

const aFleet = (more: Partial<Fleet> = {}): Fleet => ({
  asOf,
  servedBy: "1",
  storeFault: null,
  storeMs: 3,
  queuedRuns: 4,
  activeRuns: 5,
  dueRuns: 0,
  recoveringRuns: 0,
  oldestDue: [],
  gateways: [aGateway("2"), aGateway("1")],
  ...more,
});

const shownOf = (fleet: Fleet): Record<string, string> =>
  Object.fromEntries(fleetNumbers(fleet).map(({ name, shown, isTrouble }) => [name, shown + (isTrouble ? "!" : "")]));

test("a gateway is silent once it has missed its heartbeats, unless it said that it goes", () => {
  const words = [
    {},
    { isStopping: true },
    { beatenAt: before(20_000) },
    { beatenAt: before(20_000), isStopping: true },
  ];
  expect(words.map((more) => gatewayWords(aGateway("1", more), now).word)).toEqual([
    "serves",
    "goes away",
    "silent",
    "has stopped",
  ]);
});

test("what a silent gateway had in hand is counted no more, and its silence is trouble", () => {
  expect(shownOf(aFleet())).toMatchObject({ gateways: "2", watchers: "6", devices: "4", "queue age": "none waits" });
  const one = aFleet({ gateways: [aGateway("2", { beatenAt: before(20_000) }), aGateway("1")] });
  expect(shownOf(one)).toMatchObject({ gateways: "1, 1 silent!", watchers: "3", devices: "2" });
});

test("the age of the queue is that of the run that waits for longest", () => {
  const due = { runId: "r", tenantId: "t", status: "queued" as const, recoveries: 0 };
  const fleet = aFleet({
    dueRuns: 2,
    oldestDue: [
      { ...due, dueAt: before(42_000) },
      { ...due, dueAt: before(1000) },
    ],
  });
  expect(shownOf(fleet)).toMatchObject({ "queue age": "42.0 s!", due: "2" });
});

test("troubles of all gateways are told newest first", () => {
  expect(troublesOf(aFleet()).map(({ message, gatewayId }) => [message, gatewayId])).toEqual([
    ["trouble 1", "1"],
    ["trouble 2", "2"],
  ]);
});
