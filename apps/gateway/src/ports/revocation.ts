import type { TenantId } from "../core/tenant-id.ts";

/** What a revocation ends. */
export type Revoked =
  /** A key, and the tokens that it made. `subject` is its id. */
  | "key"
  /** One secret of a key that was rotated. `subject` is its hash. */
  | "secret"
  /** The tokens of the tenant that were made before. `subject` is empty. */
  | "tokens"
  /** Those of one subject, or of one device. `subject` names it. */
  | "subject"
  | "device"
  /** All of a tenant, until `enabled` has a higher number. The tokens that were made before stay ended. */
  | "disabled"
  | "enabled";

/** One revocation, as it was committed. */
export interface Revocation {
  /** Counts up over all tenants. A token bears the last number of when it was made. */
  readonly number: number;
  readonly tenantId: TenantId;
  readonly kind: Revoked;
  readonly subject: string;
  /** After how many ms it holds: at the end of the overlap of a rotation. */
  readonly dueInMs: number;
}
