import { expect, test } from "vitest";
import { settled } from "../../test/support/fakes.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import type { ClaimedRun, FleetStore } from "../ports/fleet-store.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { ClaimLoop } from "./claim-loop.ts";
import { CLAIM_BATCH_MAX, CLAIM_POLL_MS, CLAIM_REST_MAX_MS, CLAIM_REST_MIN_MS, RUNS_HELD_MAX } from "./limits.ts";
import { StoreContact } from "./store-contact.ts";
import { asTenantId } from "../core/tenant-id.ts";

const LEASE_MS = 6000;
type Claim = Parameters<FleetStore["claimRuns"]>[0];

const run = (runId: string): ClaimedRun => ({
  runId,
  tenantId: asTenantId("t"),
  epoch: 1,
  lastSeq: 2,
  lost: false,
  recoveries: 0,
  stalls: 0,
});

/** A loop whose claims are answered by the test, one after another. */
function world() {
  const clock = new ManualClock();
  const log = recordingLog();
  const sent: Claim[] = [];
  const claimed: string[] = [];
  const returned: number[] = [];
  const load = { runs: 0, byTenant: new Map<string, number>(), lastChances: 0, mayClaim: true };
  const keeper = { hasUnreturnedLeases: false, returnClaim: (claimNumber: number) => void returned.push(claimNumber) };
  let answer = Promise.withResolvers<Awaited<ReturnType<FleetStore["claimRuns"]>>>();
  const claimRuns: FleetStore["claimRuns"] = (params) => {
    sent.push(params);
    answer = Promise.withResolvers();
    return answer.promise;
  };
  const loop = new ClaimLoop({
    deps: {
      gatewayId: "g",
      leaseDurationMs: LEASE_MS,
      runsHeldMax: RUNS_HELD_MAX,
      store: { claimRuns } as FleetStore,
      clock,
      log,
    },
    contact: new StoreContact({ clock, leaseDurationMs: LEASE_MS, isOnlyGateway: true }),
    keeper,
    answers: { claimAnswered() {} },
    load: () => load,
    mayClaim: () => load.mayClaim,
    onClaimed: (claim) => claimed.push(claim.claimed.runId),
  });
  /** Lets the store answer the claim in flight after `costMs`. */
  const take = async (
    runIds: readonly string[],
    { costMs = 0, nextWakeInMs = null as number | null, isAnyWithheld = false } = {},
  ) => {
    clock.advance(costMs);
    answer.resolve({ now: clock.now(), runs: runIds.map(run), nextWakeInMs, isAnyWithheld });
    await settled();
  };
  const lose = async () => {
    answer.reject(new StoreUnavailable("the test says so"));
    await settled();
  };
  loop.start();
  clock.advance(0);
  return { clock, log, sent, claimed, returned, load, keeper, loop, take, lose };
}

test("a ring during a claim that took something is not lost: another claim follows at once", async () => {
  const { clock, sent, claimed, loop, take } = world();
  loop.request();
  await take(["a"]);
  clock.advance(0);
  expect(claimed).toEqual(["a"]);
  expect(sent).toHaveLength(2);
});

test("after a claim that took nothing the loop rests in proportion to what the claim cost, whatever rings", async () => {
  const { clock, sent, loop, take } = world();
  loop.request();
  await take([], { costMs: 30 });
  loop.request();
  clock.advance(4 * 30 - 1);
  expect(sent).toHaveLength(1);
  clock.advance(1);
  expect(sent).toHaveLength(2);
  // However little or much it cost.
  loop.request();
  await take([]);
  clock.advance(CLAIM_REST_MIN_MS - 1);
  expect(sent).toHaveLength(2);
  clock.advance(1);
  loop.request();
  await take([], { costMs: 5000 });
  clock.advance(CLAIM_REST_MAX_MS);
  expect(sent).toHaveLength(4);
});

test("a lost ring costs a poll", async () => {
  const { clock, sent, take } = world();
  await take([]);
  clock.advance(CLAIM_POLL_MS - 1);
  expect(sent).toHaveLength(1);
  clock.advance(1);
  expect(sent).toHaveLength(2);
});

test("a run that becomes due sooner than the next poll is claimed in time", async () => {
  const { clock, sent, take } = world();
  await take([], { nextWakeInMs: 300 });
  clock.advance(300);
  expect(sent).toHaveLength(2);
});

test("a claim that filled its batch is followed by the next one at once", async () => {
  const { clock, sent, take } = world();
  await take(Array.from({ length: CLAIM_BATCH_MAX }, (_, n) => `run-${n}`));
  clock.advance(0);
  expect(sent).toHaveLength(2);
});

test("a gateway takes no more than it may hold, and asks the store for nothing once it is full", async () => {
  const { clock, sent, load, loop, take } = world();
  await take([]);
  expect(loop.isAnyRunLeft).toBe(false);
  load.runs = RUNS_HELD_MAX - 2;
  clock.advance(CLAIM_POLL_MS);
  expect(sent.at(-1)?.limit).toBe(2);
  expect(loop.isAnyRunLeft).toBe(true);
  load.runs = RUNS_HELD_MAX;
  await take(["a", "b"]);
  clock.advance(CLAIM_POLL_MS);
  await settled();
  clock.advance(CLAIM_POLL_MS);
  await settled();
  expect(sent).toHaveLength(2);
  load.runs = 0;
  loop.request();
  clock.advance(0);
  expect(sent).toHaveLength(3);
});

test("a claim tells what each tenant holds, and a loop that must leave a tenant's runs waits for a place, not at all costs", async () => {
  const { clock, sent, load, loop, take } = world();
  load.runs = 700;
  load.byTenant.set("greedy", 700);
  await take([], { nextWakeInMs: null, isAnyWithheld: true });
  expect(loop.isAnyRunLeft).toBe(true);
  clock.advance(CLAIM_POLL_MS - 1);
  expect(sent).toHaveLength(1);
  clock.advance(1);
  expect(sent[1]?.places).toEqual({ free: RUNS_HELD_MAX - 700, heldBy: load.byTenant });
  await take([]);
  expect(loop.isAnyRunLeft).toBe(false);
});

test("a gateway that may take nothing asks the store for nothing, until it may again", async () => {
  const { clock, sent, load, loop, take } = world();
  await take([]);
  load.mayClaim = false;
  clock.advance(CLAIM_POLL_MS);
  await settled();
  loop.request();
  clock.advance(CLAIM_POLL_MS);
  await settled();
  expect(sent).toHaveLength(1);
  load.mayClaim = true;
  loop.request();
  clock.advance(CLAIM_POLL_MS);
  await settled();
  expect(sent).toHaveLength(2);
});

test("a claim whose answer was lost is returned by its number, and until then no run on its last chance is taken", async () => {
  const { clock, sent, returned, keeper, lose } = world();
  expect(sent[0]).toMatchObject({ claimNumber: 1, lastChancesMax: 1 });
  await lose();
  expect(returned).toEqual([1]);
  keeper.hasUnreturnedLeases = true;
  clock.advance(1000);
  expect(sent[1]).toMatchObject({ claimNumber: 2, lastChancesMax: 0 });
});

test("a gateway that holds a run on its last chance takes no other", async () => {
  const { clock, sent, load, take } = world();
  load.lastChances = 1;
  await take([]);
  clock.advance(CLAIM_POLL_MS);
  expect(sent[1]?.lastChancesMax).toBe(0);
});

test("while the store is away rings do not hurry the tries", async () => {
  const { clock, sent, loop, lose, log } = world();
  for (let failures = 1; failures <= 6; failures++) {
    await lose();
    for (let n = 0; n < 20; n++) loop.request();
    clock.advance(35);
    loop.request();
    await settled();
    clock.advance(1000);
  }
  expect(sent).toHaveLength(7);
  expect(log.errors).toEqual([]);
});

test("a loop that was stopped claims nothing more, and waits for the claim in flight", async () => {
  const { clock, sent, claimed, loop, take } = world();
  let isStopped = false;
  const stopped = loop.stop().then(() => (isStopped = true));
  await settled();
  expect(isStopped).toBe(false);
  await take(["a"]);
  await stopped;
  expect(claimed).toEqual(["a"]);
  loop.request();
  clock.advance(10_000);
  expect(sent).toHaveLength(1);
});
