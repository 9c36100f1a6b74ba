import { QUOTA_NAMES, type QuotaName, type Quotas, type QuotaStanding, type Usage } from "@hsafa/protocol";
import { DAY_MS, QUOTA_MARGINS, RUN_TOKENS_COUNTED_MAX } from "./limits.ts";

/** How much a tenant has, and the limits that an operator set for it. */
export interface TenantUsage {
  readonly used: Quotas;
  /** A limit that is not set is the default. */
  readonly limits: Partial<Quotas>;
}

/** A quota that is used up. */
export interface QuotaLack extends QuotaStanding {
  readonly name: QuotaName;
}

/** What a new run needs room in. A queued run will be active without being asked again, so it counts as active too. */
export const RUN_QUOTAS = ["activeRuns", "queuedRuns", "storedBytes", "tokensPerDay"] as const;

/** The limits that hold for a tenant. */
export function limitsOf(usage: Pick<TenantUsage, "limits">, defaults: Quotas): Quotas {
  const entries = QUOTA_NAMES.map((name) => [name, usage.limits[name] ?? defaults[name]]);
  return Object.fromEntries(entries) as Record<QuotaName, number>;
}

/** Where each quota of a tenant stands. */
export function standingsOf(usage: TenantUsage, defaults: Quotas): Readonly<Record<QuotaName, QuotaStanding>> {
  const limits = limitsOf(usage, defaults);
  const entries = QUOTA_NAMES.map((name) => [name, { used: usage.used[name], limit: limits[name] }]);
  return Object.fromEntries(entries) as Record<QuotaName, QuotaStanding>;
}

/** Returns the first of these quotas that has no room, or null. `margin`: how much room each must have. */
export function quotaLack(
  usage: TenantUsage,
  defaults: Quotas,
  needs: readonly QuotaName[],
  margin: (name: QuotaName) => number = () => 1,
): QuotaLack | null {
  const limits = limitsOf(usage, defaults);
  for (const name of needs) {
    const used = name === "activeRuns" ? usage.used.activeRuns + usage.used.queuedRuns : usage.used[name];
    const limit = limits[name];
    if (used + margin(name) > limit) return { name, used, limit };
  }
  return null;
}

/** Whether one of these quotas may be used up before usage is read again. Then a gateway reads it each time. */
export function isNearQuota(usage: TenantUsage, defaults: Quotas, needs: readonly QuotaName[]): boolean {
  return quotaLack(usage, defaults, needs, (name) => QUOTA_MARGINS[name]) !== null;
}

/** The tokens that a run's usage counts for. A provider may report nonsense, so it is bounded. */
export function tokensOf({ totalTokens, inputTokens = 0, outputTokens = 0 }: Usage): number {
  const tokens = Math.round(totalTokens ?? inputTokens + outputTokens);
  return Math.min(Math.max(tokens, 0), RUN_TOKENS_COUNTED_MAX);
}

/** The day of a time, counted in UTC from 1970. The tokens of a day are counted by it. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY_MS);
}

/** How long until the next day begins, in ms. */
export function msUntilNextDay(time: number): number {
  return (dayOf(time) + 1) * DAY_MS - time;
}
