import { expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import type { Ring } from "../ports/bell.ts";
import type { Revocation } from "../ports/revocation.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { REVOCATION_POLL_MS } from "./limits.ts";
import { type Revocable, Revocations } from "./revocations.ts";
import { asTenantId } from "../core/tenant-id.ts";

const token: Revocable = { tenantId: asTenantId("t"), keyId: "k", subject: "alice", deviceKey: "laptop", epoch: 5 };
const key: Revocable = { tenantId: asTenantId("t"), keyId: "k", keyHash: "hash" };

/** Moves on timer by timer, and lets what each began come to its end. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  const end = clock.now() + ms;
  while (clock.advanceToNext(end)) await settled();
  clock.advance(end - clock.now());
  await settled();
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function world() {
  const clock = new ManualClock();
  const rows: Revocation[] = [];
  let ring = (_ring: Ring): void => {};
  let isAway = false;
  let reads = 0;
  const revocations = new Revocations({
    fleet: {
      readRevocations: async ({ after }) => {
        reads += 1;
        if (isAway) throw new StoreUnavailable("away");
        return rows.filter(({ number }) => number > after);
      },
    },
    bell: {
      listen: (listener) => {
        ring = listener;
        return () => (ring = () => {});
      },
    },
    clock,
    log: recordingLog(),
  });
  revocations.start();
  return {
    clock,
    revocations,
    revoke: (row: Partial<Revocation>) =>
      void rows.push({ number: 6, tenantId: asTenantId("t"), kind: "key", subject: "k", dueInMs: 0, ...row }),
    ring: () => ring({ about: "revocation", tenantId: asTenantId("t") }),
    setAway: (away: boolean) => (isAway = away),
    reads: () => reads,
  };
}

test("the keys of a tenant that is enabled again hold, its tokens of before do not, and later ones do", async () => {
  const { revocations, revoke } = world();
  revoke({ kind: "disabled", subject: "", number: 6 });
  revoke({ kind: "enabled", subject: "", number: 7 });
  await revocations.read();
  expect(revocations.isRevoked(key)).toBe(false);
  expect(revocations.isRevoked(token)).toBe(true);
  expect(revocations.isRevoked({ ...token, epoch: 7 })).toBe(false);
  revoke({ kind: "disabled", subject: "", number: 8 });
  await revocations.read();
  expect(revocations.isRevoked(key)).toBe(true);
});

test.each<[string, Partial<Revocation>, boolean, boolean]>([
  ["its key", { kind: "key", subject: "k" }, true, true],
  ["another key", { kind: "key", subject: "other" }, false, false],
  ["its key in another tenant", { tenantId: asTenantId("other") }, false, false],
  ["one secret of the key", { kind: "secret", subject: "hash" }, false, true],
  ["all tokens", { kind: "tokens", subject: "" }, true, false],
  ["its subject", { kind: "subject", subject: "alice" }, true, false],
  ["another subject", { kind: "subject", subject: "bob" }, false, false],
  ["its device", { kind: "device", subject: "laptop" }, true, false],
  ["its whole tenant", { kind: "disabled", subject: "" }, true, true],
  ["another tenant as a whole", { kind: "disabled", subject: "", tenantId: asTenantId("other") }, false, false],
  ["all tokens before it was made", { kind: "tokens", subject: "", number: 5 }, false, false],
])("a revocation of %s ends what it names and nothing else", async (_what, row, endsToken, endsKey) => {
  const { revocations, revoke } = world();
  revoke(row);
  await revocations.read();
  expect(revocations.isRevoked(token)).toBe(endsToken);
  expect(revocations.isRevoked(key)).toBe(endsKey);
});

test("a ring tells who watches at once, and without rings the poll does within a second", async () => {
  const { clock, revocations, revoke, ring } = world();
  const ended: string[] = [];
  revocations.watch(key, () => ended.push("key"));
  revocations.watch({ ...token, tenantId: asTenantId("other") }, () => ended.push("stranger"));
  const leave = revocations.watch(token, () => ended.push("left"));
  leave();
  revoke({});
  ring();
  await pass(clock, 0);
  expect(ended).toEqual(["key"]);
  revoke({ number: 7, kind: "subject", subject: "alice" });
  revocations.watch({ ...token, keyId: "k2", epoch: 6 }, () => ended.push("token"));
  await pass(clock, REVOCATION_POLL_MS);
  expect(REVOCATION_POLL_MS).toBeLessThan(1000);
  expect(ended).toEqual(["key", "token"]);
  await pass(clock, 10 * REVOCATION_POLL_MS);
  expect(ended).toEqual(["key", "token"]);
});

test("who begins to watch after the revocation is told too, after the call", async () => {
  const { clock, revocations, revoke } = world();
  revoke({});
  await revocations.read();
  const ended: string[] = [];
  revocations.watch(key, () => ended.push("late"));
  expect(ended).toEqual([]);
  await pass(clock, 0);
  expect(ended).toEqual(["late"]);
});

test("a rotated secret, and what it opened, ends with its overlap", async () => {
  const { clock, revocations, revoke } = world();
  const ended: string[] = [];
  revocations.watch(key, () => ended.push("key"));
  revoke({ kind: "secret", subject: "hash", dueInMs: 5000 });
  await revocations.read();
  await pass(clock, 4999);
  expect(revocations.isRevoked(key)).toBe(false);
  expect(ended).toEqual([]);
  await pass(clock, 1);
  expect(revocations.isRevoked(key)).toBe(true);
  expect(ended).toEqual(["key"]);
});

test("what is revoked while the store is away counts when it is back", async () => {
  const { clock, revocations, revoke, setAway } = world();
  setAway(true);
  await pass(clock, 5000);
  revoke({});
  setAway(false);
  await pass(clock, 2000);
  expect(revocations.isRevoked(key)).toBe(true);
});

test("while heartbeats tell the last number, nothing is read before it rises, and then at once", async () => {
  const { clock, revocations, revoke, reads } = world();
  const beat = async (number: number): Promise<void> => {
    revocations.heard(number);
    await pass(clock, REVOCATION_POLL_MS - 100);
  };
  // A number from before, whose revocation is forgotten, is read for once.
  for (let beats = 0; beats < 100; beats++) await beat(5);
  expect(reads()).toBe(1);
  revoke({});
  revocations.heard(6);
  await pass(clock, 1);
  expect(revocations.isRevoked(key)).toBe(true);
  await beat(6);
  expect(reads()).toBe(2);
});

test("a number that was told while the store refused to read is read for again", async () => {
  const { clock, revocations, revoke, setAway } = world();
  setAway(true);
  revoke({});
  revocations.heard(6);
  await pass(clock, 100);
  setAway(false);
  for (let beats = 0; beats < 10; beats++) {
    revocations.heard(6);
    await pass(clock, 500);
  }
  expect(revocations.isRevoked(key)).toBe(true);
});

test("an idle gateway asks the store less than twice a second, and nothing after it stopped", async () => {
  const { clock, revocations, reads } = world();
  await pass(clock, 60_000);
  expect(reads()).toBeLessThanOrEqual(Math.ceil(60_000 / REVOCATION_POLL_MS));
  await revocations.stop();
  const before = reads();
  await pass(clock, 60_000);
  expect(reads()).toBe(before);
});
