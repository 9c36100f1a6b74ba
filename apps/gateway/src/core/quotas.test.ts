import { QUOTA_NAMES, type Quotas } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { QUOTA_MARGINS, RUN_TOKENS_COUNTED_MAX } from "./limits.ts";
import { isNearQuota, limitsOf, msUntilNextDay, quotaLack, RUN_QUOTAS, tokensOf } from "./quotas.ts";

const all = (amount: number): Quotas =>
  Object.fromEntries(QUOTA_NAMES.map((name) => [name, amount])) as Record<keyof Quotas, number>;
const used = (more: Partial<Quotas> = {}, limits: Partial<Quotas> = {}) => ({ used: { ...all(0), ...more }, limits });

test("a queued run counts as an active one: it will begin without being asked again", () => {
  expect(quotaLack(used({ activeRuns: 2, queuedRuns: 1 }), all(4), RUN_QUOTAS)).toBeNull();
  const lack = { name: "activeRuns", used: 4, limit: 4 };
  expect(quotaLack(used({ activeRuns: 2, queuedRuns: 2 }), all(4), RUN_QUOTAS)).toEqual(lack);
});

test("the limit that an operator set wins over the default, 0 included, and only what is needed counts", () => {
  expect(limitsOf(used({}, { devices: 0 }), all(5))).toEqual({ ...all(5), devices: 0 });
  expect(quotaLack(used({}, { devices: 0 }), all(5), ["devices"])).toEqual({ name: "devices", used: 0, limit: 0 });
  expect(quotaLack(used({ devices: 9 }), all(5), ["threads"])).toBeNull();
});

test("a quota is near before it is used up", () => {
  const limit = QUOTA_MARGINS.threads + 10;
  expect(isNearQuota(used({ threads: 10 }), all(limit), ["threads"])).toBe(false);
  expect(isNearQuota(used({ threads: 11 }), all(limit), ["threads"])).toBe(true);
  expect(quotaLack(used({ threads: 11 }), all(limit), ["threads"])).toBeNull();
});

test("usage counts once, in whole tokens, and nonsense of a provider is bounded", () => {
  expect(tokensOf({})).toBe(0);
  expect(tokensOf({ inputTokens: 3, outputTokens: 4 })).toBe(7);
  expect(tokensOf({ inputTokens: 3, outputTokens: 4, totalTokens: 9.4 })).toBe(9);
  expect(tokensOf({ totalTokens: -5 })).toBe(0);
  expect(tokensOf({ totalTokens: 1e300 })).toBe(RUN_TOKENS_COUNTED_MAX);
});

test("the day ends at midnight in UTC", () => {
  expect(msUntilNextDay(Date.parse("2026-11-29T23:59:58.000Z"))).toBe(2000);
  expect(msUntilNextDay(Date.parse("2026-11-29T00:00:00.000Z"))).toBe(86_400_000);
});
