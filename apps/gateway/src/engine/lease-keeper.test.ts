import { describe, expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { settled } from "../../test/support/fakes.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import { BOOT_LOOK_MS, CLAIM_DOUBT_MS } from "./limits.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { StoreContact } from "./store-contact.ts";

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
      if (store.isAway) throw new StoreUnavailable("away");
      statements.push(`release claims ${claimNumbers.join(",")}`);
    },
  };
  const contact = new StoreContact({ clock, leaseDurationMs: LEASE_MS, isOnlyGateway: true });
  const keeper = new LeaseKeeper({ gatewayId: "g", leaseDurationMs: LEASE_MS, store: port, clock, contact, log });
  const heard: string[] = [];
  const hold = (runId: string, epoch = 1) =>
    keeper.hold({
      claim: { tenantId: "t", runId, epoch },
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

describe("the lease keeper", () => {
  test("renews all leases of the gateway in one statement a beat, and tells each holder its inbox", async () => {
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
    const beat = keeper.renew();
    await advance(3000);
    gate.resolve();
    await beat;
    await advance(1900);
    expect(lease.isGood()).toBe(true);
    await advance(200);
    expect(lease.isGood()).toBe(false);
    await keeper.close();
  });

  test("a process that was stopped notices before it does anything else", () => {
    const { hold, clock, heard } = world();
    const lease = hold("a");
    clock.jump(60_000);
    expect(lease.isGood()).toBe(false);
    expect(heard).toEqual(["a@1 stale"]);
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

  test("a lease given up while the store was away is handed back once it answers", async () => {
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

  test("a stale lease is handed back although its holder does not let go of it: it may hang", async () => {
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

  test("a lease given up while another is being handed back is handed back too, at once", async () => {
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

  test("a hand-back that hangs holds up no renewal", async () => {
    const { keeper, hold, store, statements, advance } = world();
    keeper.start();
    const [owed, lease] = [hold("owed"), hold("kept")];
    keeper.letGo(owed);
    const gate = Promise.withResolvers<void>();
    store.releaseGate = gate.promise;
    keeper.returnLater(owed);
    await advance(12_000);
    expect(lease.isGood()).toBe(true);
    expect(statements).not.toContain("release owed@1");
    gate.resolve();
    await advance(100);
    expect(statements).toContain("release owed@1");
    await keeper.close();
  });

  test("a claim whose answer was lost is asked for at every beat until it can reach the store no more", async () => {
    const { keeper, store, statements, advance } = world();
    keeper.start();
    store.isAway = true;
    keeper.returnClaim(4);
    await advance(1000);
    keeper.returnClaim(5);
    store.isAway = false;
    await advance(2000);
    expect(statements.at(-1)).toBe("release claims 4,5");
    await advance(CLAIM_DOUBT_MS);
    expect(statements.at(-1)).toMatch(/^release claims (4,)?5$/);
    const asked = statements.length;
    await advance(CLAIM_DOUBT_MS);
    expect(statements).toHaveLength(asked);
    await keeper.close();
  });
});

describe("contact with the store", () => {
  test("a gateway that was itself cut off claims no lost lease for one lease time, boot excepted", () => {
    const { clock, contact } = world();
    expect(contact.mayJudge()).toBe(true);
    contact.answered();
    clock.advance(1900);
    expect(contact.mayJudge()).toBe(true);
    clock.advance(200);
    expect(contact.mayJudge()).toBe(false);
    contact.answered();
    expect(contact.mayJudge()).toBe(false);
    for (let ms = 0; ms < LEASE_MS; ms += 1000) {
      clock.advance(1000);
      contact.answered();
    }
    expect(contact.mayJudge()).toBe(true);
  });

  test("whoever boots beside others looks on first: the store may have been away until now, and they have yet to come back to it", () => {
    const { clock } = world();
    const contact = new StoreContact({ clock, leaseDurationMs: LEASE_MS, isOnlyGateway: false });
    for (let ms = 0; ms < BOOT_LOOK_MS; ms += 1000) {
      expect(contact.judgesUntil()).toBeNull();
      clock.advance(1000);
      contact.answered();
    }
    expect(contact.mayJudge()).toBe(true);
  });

  test("a claim of lost leases is good for a third of a lease by the database's own time, which is never taken for later than it is", () => {
    const { clock, contact } = world();
    contact.answered();
    expect(contact.judgesUntil()).toBe(Number.POSITIVE_INFINITY);
    contact.toldTime(50_000);
    clock.advance(1000);
    expect(contact.judgesUntil()).toBe(51_000 + LEASE_MS / 3);
    clock.advance(3000);
    expect(contact.judgesUntil()).toBeNull();
  });

  test("whoever was suspended, its clock with it, learns from the database's time that it was away, and judges nobody for one lease time", () => {
    const { clock, contact } = world();
    contact.answered();
    contact.toldTime(50_000);
    clock.advance(100);
    contact.answered();
    contact.toldTime(50_100 + LEASE_MS);
    for (let ms = 0; ms < LEASE_MS; ms += 1000) {
      expect(contact.judgesUntil()).toBeNull();
      clock.advance(1000);
      contact.answered();
    }
    expect(contact.mayJudge()).toBe(true);
  });
});
