import { expect, test } from "vitest";
import { settled } from "../../test/support/fakes.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { CLAIM_IN_FLIGHT_MAX_MS } from "./limits.ts";
import { StoreContact } from "./store-contact.ts";
import { asTenantId } from "../core/tenant-id.ts";

const LEASE_MS = 6000;
type Renewal = Awaited<ReturnType<FleetStore["renewLeases"]>>[number];

function world() {
  const clock = new ManualClock();
  const log = recordingLog();
  const statements: string[] = [];
  const store = {
    isAway: false,
    gate: Promise.resolve(),
    releaseGate: Promise.resolve(),
    claimGate: Promise.resolve(),
    answer: (runId: string): Renewal | null => ({ runId, epoch: 1, inbox: 0 }),
  };
  const port: Pick<FleetStore, "renewLeases" | "releaseLeases" | "releaseClaims"> = {
    async renewLeases({ runs }) {
      statements.push(`renew ${runs.map((run) => run.runId).join(",")}`);
      await store.gate;
      if (store.isAway) throw new StoreUnavailable("away");
      return runs.flatMap((run) => store.answer(run.runId) ?? []);
    },
    async releaseLeases({ runs }) {
      await store.releaseGate;
      if (store.isAway) throw new StoreUnavailable("away");
      statements.push(`release ${runs.map((run) => `${run.runId}@${run.epoch}`).join(",")}`);
    },
    async releaseClaims({ claimNumbers }) {
      await store.claimGate;
      if (store.isAway) throw new StoreUnavailable("away");
      statements.push(`release claims ${claimNumbers.join(",")}`);
    },
  };
  const contact = new StoreContact({ clock, leaseDurationMs: LEASE_MS, isOnlyGateway: true });
  const keeper = new LeaseKeeper({
    gatewayId: "g",
    leaseDurationMs: LEASE_MS,
    store: port,
    clock,
    contact,
    log,
    onTurn: () => {},
  });
  const heard: string[] = [];
  const hold = (runId: string, epoch = 1) =>
    keeper.hold({
      claim: { tenantId: asTenantId("t"), runId, epoch },
      sentAt: clock.monotonic(),
      listener: {
        onLost: (why) => heard.push(`${runId}@${epoch} ${why}`),
        onInbox: (count) => heard.push(`${runId} inbox ${count}`),
      },
    });
  const advance = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      await settled();
    }
  };
  return { clock, store, keeper, contact, heard, hold, statements, advance, log };
}

test("one statement renews all leases of a gateway, and each holder is told of its inbox", async () => {
  const { keeper, hold, statements, heard, store, advance } = world();
  keeper.start();
  const [a, b] = [hold("a"), hold("b")];
  store.answer = (runId) => ({ runId, epoch: 1, inbox: runId === "a" ? 0 : 2 });
  await advance(6000);
  expect(statements).toEqual(["renew a,b", "renew a,b", "renew a,b"]);
  expect(heard.slice(0, 2)).toEqual(["a inbox 0", "b inbox 2"]);
  await advance(60_000);
  expect([a.isGood(), b.isGood()]).toEqual([true, true]);
  await keeper.close();
});

test("a lease without a renewal for five sixths of its time is stale, and its holder is told once", async () => {
  const { keeper, hold, heard, store, advance } = world();
  keeper.start();
  const lease = hold("a");
  await advance(2000);
  store.isAway = true;
  heard.length = 0;
  await advance(4900);
  expect(lease.isGood()).toBe(true);
  await advance(200);
  expect(lease.isGood()).toBe(false);
  expect(heard).toEqual(["a@1 stale"]);
  await advance(5000);
  expect(heard).toEqual(["a@1 stale"]);
  await keeper.close();
});

test("a lease counts from when its renewal was sent: a slow answer makes it no longer", async () => {
  const { keeper, hold, clock, store, advance } = world();
  const lease = hold("a");
  clock.advance(1000);
  const gate = Promise.withResolvers<void>();
  store.gate = gate.promise;
  const renewal = keeper.renew();
  await advance(3000);
  gate.resolve();
  await renewal;
  await advance(1900);
  expect(lease.isGood()).toBe(true);
  await advance(200);
  expect(lease.isGood()).toBe(false);
  await keeper.close();
});

test("a lease whose claim is answered late does not take the run from the holder of a later epoch", () => {
  const { hold, heard } = world();
  const later = hold("a", 2);
  const earlier = hold("a", 1);
  expect([earlier.isGood(), later.isGood()]).toEqual([false, true]);
  expect(heard).toEqual(["a@1 fenced"]);
});

test("a process that was stopped notices before it does anything else that its lease is over", async () => {
  const { keeper, hold, clock, heard } = world();
  keeper.start();
  const lease = hold("a");
  clock.jump(60_000);
  expect(lease.isGood()).toBe(false);
  expect(heard).toEqual(["a@1 stale"]);
  await keeper.close();
});

test("a lease that another holds is lost; a run claimed again here has its own lease", async () => {
  const { keeper, hold, heard, store } = world();
  const first = hold("a");
  store.answer = (runId) => ({ runId, epoch: 2, inbox: 0 });
  await keeper.renew();
  expect(heard).toEqual(["a@1 fenced"]);
  const second = hold("a", 2);
  expect(first.isGood()).toBe(false);
  keeper.letGo(first);
  await keeper.renew();
  expect(second.isGood()).toBe(true);
  expect(heard.at(-1)).toBe("a inbox 0");
  await keeper.close();
});

test("a lease given up while the store was away is returned once it answers", async () => {
  const { keeper, hold, store, statements, advance } = world();
  keeper.start();
  const lease = hold("a");
  store.isAway = true;
  await advance(6000);
  keeper.letGo(lease);
  keeper.returnLater(lease);
  store.isAway = false;
  await advance(2000);
  expect(statements.at(-1)).toBe("release a@1");
  await keeper.close();
  expect(statements.filter((statement) => statement.startsWith("release"))).toHaveLength(1);
});

test("a stale lease is returned although its holder does not let go of it: the holder may hang", async () => {
  const { keeper, hold, store, statements, advance } = world();
  keeper.start();
  hold("a");
  store.isAway = true;
  await advance(6000);
  store.isAway = false;
  await advance(1000);
  expect(statements.at(-1)).toBe("release a@1");
  await keeper.close();
});

test("a lease given up while another is being returned is returned too, at once", async () => {
  const { keeper, hold, store, statements, advance } = world();
  keeper.start();
  const [early, late] = [hold("early"), hold("late")];
  const gate = Promise.withResolvers<void>();
  store.releaseGate = gate.promise;
  for (const lease of [early, late]) keeper.letGo(lease);
  keeper.returnLater(early);
  await advance(100);
  keeper.returnLater(late);
  gate.resolve();
  await advance(200);
  expect(statements).toEqual(["release early@1", "release late@1"]);
  await keeper.close();
});

test("a stale lease is returned although the return of a claim hangs", async () => {
  const { keeper, hold, store, statements, advance } = world();
  keeper.start();
  hold("a");
  store.claimGate = new Promise<void>(() => {});
  keeper.returnClaim(1);
  await advance(100);
  store.gate = new Promise<void>(() => {});
  await advance(6000);
  expect(statements).toContain("release a@1");
});

test("a return that hangs holds up no renewal", async () => {
  const { keeper, hold, store, statements, advance } = world();
  keeper.start();
  const [returned, lease] = [hold("returned"), hold("kept")];
  keeper.letGo(returned);
  const gate = Promise.withResolvers<void>();
  store.releaseGate = gate.promise;
  keeper.returnLater(returned);
  await advance(12_000);
  expect(lease.isGood()).toBe(true);
  expect(statements).not.toContain("release returned@1");
  gate.resolve();
  await advance(100);
  expect(statements).toContain("release returned@1");
  await keeper.close();
});

test("a claim whose answer was lost is returned at every renewal until it can no longer reach the store", async () => {
  const { keeper, store, statements, advance } = world();
  keeper.start();
  store.isAway = true;
  keeper.returnClaim(4);
  await advance(1000);
  keeper.returnClaim(5);
  store.isAway = false;
  await advance(2000);
  expect(statements.at(-1)).toBe("release claims 4,5");
  await advance(CLAIM_IN_FLIGHT_MAX_MS);
  expect(statements.at(-1)).toMatch(/^release claims (4,)?5$/);
  const sent = statements.length;
  await advance(CLAIM_IN_FLIGHT_MAX_MS);
  expect(statements).toHaveLength(sent);
  await keeper.close();
});

test("a lease that is about to be returned is told of until the store has taken it back", async () => {
  const { keeper, hold, store, advance } = world();
  keeper.start();
  hold("a", 3);
  store.isAway = true;
  expect(keeper.unreturned).toEqual([]);
  await advance(LEASE_MS);
  expect(keeper.unreturned).toEqual([{ tenantId: "t", runId: "a", epoch: 3 }]);
  store.isAway = false;
  await advance(LEASE_MS);
  expect(keeper.unreturned).toEqual([]);
  await keeper.close();
});
