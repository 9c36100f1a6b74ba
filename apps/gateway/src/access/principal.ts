import type { Scope } from "@hsafa/protocol";

/** Who asks, and what they may do. Each bound (run, thread, device) that is present narrows every scope. */
export interface Principal {
  readonly kind: "api_key" | "token";
  readonly tenantId: string;
  /** The key's name, or that of the key which made the token. A person's decision is recorded under it. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Sees and changes this run only. */
  readonly runId?: string;
  /** Sees and changes this thread and its runs only. */
  readonly threadId?: string;
  /** Connects as this device only, and starts runs from it only. */
  readonly deviceKey?: string;
  /** When it expires, in milliseconds since the epoch; absent: never. */
  readonly expiresAt?: number;
}
