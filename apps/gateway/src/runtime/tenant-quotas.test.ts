import { QUOTA_NAMES, type QuotaName, type Quotas } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { settled } from "../../test/support/fakes.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { USAGE_KEPT_MS, USAGE_STALE_MAX_MS } from "./limits.ts";
import { TenantQuotas } from "./tenant-quotas.ts";

const all = (amount: number): Record<QuotaName, number> =>
  Object.fromEntries(QUOTA_NAMES.map((name) => [name, amount])) as Record<QuotaName, number>;

function world(defaults: Quotas | null) {
  const clock = new ManualClock();
  const used = all(0);
  let reads = 0;
  let isAway = false;
  const readUsage = async () => {
    reads += 1;
    if (isAway) throw new StoreUnavailable("away");
    return { used: { ...used }, limits: {} };
  };
  const quotas = new TenantQuotas({ defaults, store: { forTenant: () => ({ readUsage }) }, clock });
  /** Makes a thread, which counts as soon as it is made. */
  const make = async () => {
    used.threads += 1;
    return used.threads;
  };
  const ask = (isKnown?: () => Promise<boolean>) =>
    quotas.within("t", { needs: ["threads"], make, ...(isKnown === undefined ? {} : { isKnown }) });
  return { clock, quotas, used, ask, reads: () => reads, away: (is: boolean) => void (isAway = is) };
}

test("a tenant with plenty of room costs a query now and then, beside its requests", async () => {
  const { ask, reads, clock, away } = world(all(1e9));
  for (let nth = 0; nth < 100; nth += 1) expect(await ask()).toMatchObject({ kind: "made" });
  expect(reads()).toBe(1);
  clock.advance(USAGE_KEPT_MS + 1);
  away(true);
  expect(await ask()).toMatchObject({ kind: "made" });
  await settled();
  expect(reads()).toBe(2);
  clock.advance(USAGE_STALE_MAX_MS);
  await expect(ask()).rejects.toThrow(StoreUnavailable);
});

test("those who ask at the same time while nothing is remembered share one read", async () => {
  const { ask, reads, quotas } = world(all(1e9));
  const outcomes = Promise.all(Array.from({ length: 100 }, () => ask()));
  expect(reads()).toBe(1);
  quotas.forget("t");
  const later = ask();
  expect(reads()).toBe(2);
  expect([...(await outcomes), await later].every(({ kind }) => kind === "made")).toBe(true);
});

test("the last place is given once, to many who ask at the same time", async () => {
  const { ask, used } = world(all(3));
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => ask()));
  expect(outcomes.filter(({ kind }) => kind === "made").length).toBeLessThanOrEqual(3);
  expect(used.threads).toBeLessThanOrEqual(3);
  while ((await ask()).kind === "made");
  expect(used.threads).toBe(3);
  expect(await ask()).toEqual({ kind: "no_room", lack: { name: "threads", used: 3, limit: 3 } });
});

test("what is there already is made again although there is no room", async () => {
  const { ask } = world(all(0));
  expect(await ask(async () => false)).toMatchObject({ kind: "no_room" });
  expect(await ask(async () => true)).toMatchObject({ kind: "made" });
});

test("a step goes by what is remembered and waits for no query", async () => {
  const { quotas, used, clock } = world(all(100));
  used.tokensPerDay = 200;
  expect(quotas.lackAsRemembered("t", ["tokensPerDay"])).toBeNull();
  await settled();
  expect(quotas.lackAsRemembered("t", ["tokensPerDay"])).toEqual({ name: "tokensPerDay", used: 200, limit: 100 });
  used.tokensPerDay = 0;
  clock.advance(USAGE_KEPT_MS + 1);
  quotas.lackAsRemembered("t", ["tokensPerDay"]);
  await settled();
  expect(quotas.lackAsRemembered("t", ["tokensPerDay"])).toBeNull();
});

test("without quotas nothing is read and nothing refused", async () => {
  const { ask, quotas, reads } = world(null);
  expect(await ask()).toMatchObject({ kind: "made" });
  expect(quotas.lackAsRemembered("t", QUOTA_NAMES)).toBeNull();
  expect(await quotas.standings("t")).toBeNull();
  expect(reads()).toBe(0);
});
