import type { ApiKeyWithSecret, CreateKeyBody } from "./api-key.ts";

/** A tenant, as the operator sees it. */
export interface Tenant {
  readonly id: string;
  /** Unique. Quotas know the tenant by it. */
  readonly name: string;
  /** ISO 8601, UTC, as all times. */
  readonly createdAt: string;
  /** Since when nothing of it is served; `null`: it is. */
  readonly disabledAt: string | null;
}

/** The body of `POST /api/tenants`. */
export interface CreateTenantBody {
  readonly name: string;
  /** Its first key; one named `admin` with the scope `admin` if left out. */
  readonly key?: CreateKeyBody;
}

/** A new tenant with its first key, whose secret is shown this once. */
export interface TenantWithKey extends Tenant {
  readonly key: ApiKeyWithSecret;
}
