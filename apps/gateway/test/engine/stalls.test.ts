import { afterEach, beforeEach, expect, test } from "vitest";
import { STALLS_MAX } from "../../src/core/limits.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { EngineWorld, functionTool } from "../support/engine-world.ts";
import type { PuppetCall } from "../support/puppet-model.ts";
import { EMPTY_PLACES } from "../support/empty-places.ts";

const LEASE_MS = 6000;

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

/** The run that stalls says so in its system prompt. */
const isCulprit = ({ call }: PuppetCall): boolean => call.system === "stall";

const ended = async (runId: string): Promise<object> => world.fact(runId, "run.failed");

/** As another gateway does that finds every lease at its end. Returns what it took. */
async function anotherGatewayClaims(): Promise<readonly { readonly runId: string; readonly epoch: number }[]> {
  const { runs } = await world.store.fleet.claimRuns({
    gatewayId: "another",
    claimNumber: 1,
    leaseDurationMs: LEASE_MS,
    limit: 10,
    places: EMPTY_PLACES,
    judgesUntil: Number.POSITIVE_INFINITY,
    lastChancesMax: 10,
  });
  return runs;
}

test("a run whose every step outlasts the lease is not asked for ever: it ends, and what ran beside it does not fail", async () => {
  const gateway = world.gateway({ leaseDurationMs: LEASE_MS });
  let asked = 0;
  world.model.play = (call) => {
    if (!isCulprit(call)) {
      world.model.calls.push(call);
      return;
    }
    asked += 1;
    world.time.burn(8000);
    call.say("too late").finish();
  };
  const quiet = await world.start();
  const beside = await world.model.next();
  beside.say("thinking");
  const culprit = await world.start({ system: "stall" });
  await world.reaches(culprit, "failed");
  expect(await ended(culprit)).toMatchObject({ error: { code: "recovery_exhausted" } });
  expect(asked).toBe(STALLS_MAX + 1);
  // Its own step was begun again whenever the gateway lost its leases. That counts for nothing.
  for (const call of world.model.calls) if (!call.signal.aborted) call.say("done").finish();
  world.model.play = (call) => call.say("done").finish();
  await world.reaches(quiet, "completed");
  expect(gateway.log.errors).toEqual([]);
});

test("a run that stalls its gateway for less than a lease, and goes on, ends as well", async () => {
  world.gateway({ leaseDurationMs: LEASE_MS, functions: { busy: () => world.time.burn(3000) } });
  world.model.play = (call) => void call.say("again").finish({ toolName: "busy" });
  const culprit = await world.start({ tools: [functionTool("busy")], maxSteps: 200 });
  await world.reaches(culprit, "failed");
  const message = "The work of the run kept its gateway from everything else for seconds, 4 times.";
  expect(await ended(culprit)).toMatchObject({ error: { code: "recovery_exhausted", message } });
});

test("another gateway takes the leases of one that stalls, and no run beside the culprit is counted for that", async () => {
  const gateway = world.gateway({ leaseDurationMs: LEASE_MS });
  const quiet = await world.start();
  (await world.model.next()).say("thinking");
  const culprit = await world.start({ system: "stall" });
  const stalling = await world.model.next();
  let taken: Promise<readonly { readonly runId: string; readonly epoch: number }[]> = Promise.resolve([]);
  // Everything within one turn of the event loop of the gateway that stalls.
  await world.time.pass(100);
  world.time.burn(9000);
  taken = anotherGatewayClaims();
  stalling.say("too late").finish();
  const leases = await taken;
  expect(leases.map(({ runId }) => runId).toSorted()).toEqual([quiet, culprit].toSorted());
  await world.until("the stall is settled", () => gateway.fleet.said.includes("settleStalls"));
  await world.time.pass(50);
  await world.store.fleet.releaseLeases({ runs: leases });
  const claimed = await world.store.fleet.claimRuns({
    gatewayId: "another",
    claimNumber: 2,
    leaseDurationMs: LEASE_MS,
    limit: 10,
    places: EMPTY_PLACES,
    judgesUntil: Number.POSITIVE_INFINITY,
    lastChancesMax: 10,
  });
  const of = (runId: string) => claimed.runs.find((run) => run.runId === runId);
  expect(of(quiet)).toMatchObject({ recoveries: 0, stalls: 0 });
  expect(of(culprit)).toMatchObject({ recoveries: 1, stalls: 1 });
  await world.store.fleet.releaseLeases({ runs: claimed.runs });
});

test("a run whose lease was about to be returned when its gateway stalled is not counted for that", async () => {
  const gateway = world.gateway({ leaseDurationMs: LEASE_MS });
  const quiet = await world.start();
  (await world.model.next()).say("thinking");
  gateway.fleet.before = async (name) => {
    if (name === "releaseLeases" || name === "renewLeases") throw new StoreUnavailable("the test says so");
  };
  await world.until("the lease is dropped", () => gateway.fleet.said.includes("releaseLeases"));
  world.time.burn(9000);
  const leases = await anotherGatewayClaims();
  expect(leases.map(({ runId }) => runId)).toEqual([quiet]);
  gateway.fleet.before = async () => {};
  await world.until("the stall is settled", () => gateway.fleet.said.includes("settleStalls"));
  await world.time.pass(50);
  await world.store.fleet.releaseLeases({ runs: leases });
  expect(await anotherGatewayClaims()).toMatchObject([{ runId: quiet, recoveries: 0, stalls: 0 }]);
});

test("a gateway that has stalled says that it lives, and forgives, before it takes anything again", async () => {
  const gateway = world.gateway({ leaseDurationMs: LEASE_MS });
  await world.start({ system: "stall" });
  const stalling = await world.model.next();
  await world.time.pass(100);
  world.time.burn(9000);
  const answered: string[] = [];
  let refused = 0;
  gateway.fleet.before = async (name) => {
    if (name === "recordHeartbeat" && (refused += 1) <= 2) throw new StoreUnavailable("the test says so");
  };
  gateway.fleet.after = async (name) => void answered.push(name);
  stalling.say("too late").finish();
  await world.until("it claims again", () => answered.includes("claimRuns"));
  const order = answered.filter((name) => ["recordHeartbeat", "settleStalls", "claimRuns"].includes(name));
  expect(order.slice(0, 3)).toEqual(["recordHeartbeat", "settleStalls", "claimRuns"]);
});

test("a gateway whose forgiveness the store never takes goes on after a lease time all the same", async () => {
  const gateway = world.gateway({ leaseDurationMs: LEASE_MS });
  await world.start({ system: "stall" });
  const stalling = await world.model.next();
  gateway.fleet.before = async (name) => {
    if (name === "settleStalls") throw new StoreUnavailable("the test says so");
  };
  await world.time.pass(100);
  world.time.burn(3000);
  stalling.say("late").finish();
  const next = await world.start();
  await world.time.pass(LEASE_MS - 500);
  expect(await world.status(next)).toBe("queued");
  (await world.model.next()).say("on").finish();
  await world.reaches(next, "completed");
  gateway.fleet.before = async () => {};
});

test("a gateway that was frozen blames nobody, and forgives nobody", async () => {
  const gateway = world.gateway({ leaseDurationMs: LEASE_MS });
  await world.start();
  const call = await world.model.next();
  gateway.fleet.gate = world.time.pass(9000);
  await gateway.fleet.gate;
  call.say("late");
  expect(gateway.fleet.said).not.toContain("settleStalls");
});

test("a run is not blamed for what kept the loop before its tool is begun", async () => {
  const gateway = world.gateway({ leaseDurationMs: LEASE_MS, functions: { quick: () => "done" } });
  const asked: PuppetCall[] = [];
  world.model.play = (call) =>
    asked.push(call) === 1 ? call.say("on").finish({ toolName: "quick" }) : call.say("done").finish();
  let commits = 0;
  gateway.fleet.after = async (name) => {
    // What else came in the same turn as the answer to the commit that calls for the tool.
    if (name === "commit" && (commits += 1) === 2) world.time.burn(3000);
  };
  const runId = await world.start({ tools: [functionTool("quick")] });
  await world.reaches(runId, "completed");
  const stalls = gateway.log.lines.filter(({ message }) => message.startsWith("the event loop was kept"));
  expect(stalls.map(({ fields }) => fields["runId"])).toEqual([undefined]);
});
