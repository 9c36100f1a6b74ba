/** What a tenant may have of each, over all gateways. */
export const QUOTA_NAMES = [
  "activeRuns",
  "queuedRuns",
  "devices",
  "threads",
  "agentVersions",
  "storedBytes",
  "tokensPerDay",
] as const;

/** One thing that a tenant may have so much of. */
export type QuotaName = (typeof QUOTA_NAMES)[number];

/** An amount of each. */
export type Quotas = Readonly<Record<QuotaName, number>>;

/** How much a tenant has of something, and may have. */
export interface QuotaStanding {
  readonly used: number;
  readonly limit: number;
}

/** The response to a question for a tenant's quotas. */
export interface TenantQuotas {
  readonly quotas: Readonly<Record<QuotaName, QuotaStanding>>;
  /** When the tokens of the day are counted from 0 again. ISO 8601, UTC. */
  readonly tokensResetAt: string;
}

/** The body of `PUT /api/quotas`. */
export interface SetQuotasBody {
  /** The name of the tenant; that of the key if left out. */
  readonly tenant?: string;
  /** The limits to set. `null` goes back to the gateways' default, and one that is left out stays as it is. */
  readonly quotas: { readonly [Name in QuotaName]?: number | null };
}

/** The query of `GET /api/quotas`. */
export interface QuotasQuery {
  /** The name of the tenant; that of the key if left out. */
  readonly tenant?: string;
}
