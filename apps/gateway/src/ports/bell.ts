import type { TenantId } from "../core/tenant-id.ts";

/** Where something is worth a look. Nothing in a ring is trusted. */
export type Ring =
  /** A run has become due, or an input arrived for its holder. */
  | { readonly about: "run"; readonly runId: string }
  /** Calls of this device were dispatched or settled, or its session was replaced. Null: any device of the tenant. */
  | { readonly about: "device"; readonly tenantId: TenantId; readonly deviceKey: string | null }
  /** A run began in the thread of this id, or in those of this key, of which each subject may have one. */
  | { readonly about: "thread"; readonly tenantId: TenantId; readonly idOrKey: string }
  /** Something of this tenant was revoked. */
  | { readonly about: "revocation"; readonly tenantId: TenantId };

/**
 * Tells every gateway where to look. It may lose, repeat and reorder rings: the bell is fast, and polling is certain.
 */
export interface Bell {
  /** Rings in this process before it returns, and in others as soon as possible. Never throws, never waits. */
  ring(ring: Ring): void;
  /** Calls `listener` with every ring, own ones too, until the returned function is called. */
  listen(listener: (ring: Ring) => void): () => void;
  close(): Promise<void>;
}
