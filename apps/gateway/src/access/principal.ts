import type { Scope } from "@hsafa/protocol";
import type { TenantId } from "../core/tenant-id.ts";

/** Who asks, and what they may do. Each bound (run, thread, device) that is present narrows every scope. */
export interface Principal {
  readonly kind: "api_key" | "token";
  readonly tenantId: TenantId;
  /** The key, or the one that made the token. */
  readonly keyId: string;
  /** The key's name, or that of the key which made the token. A person's decision is recorded under it. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Sees and changes this run only. */
  readonly runId?: string;
  /** Sees and changes this thread and its runs only. */
  readonly threadId?: string;
  /** The agents whose runs a token may start. Absent: none. A key may start those of every agent. */
  readonly agents?: readonly string[];
  /** Whether a token may choose the version of an agent. A key may. */
  readonly versions?: boolean;
  /** Connects as this device only, and starts runs from it only. */
  readonly deviceKey?: string;
  /** The labels that its device may have in the pool. A key's device may have any. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The tools that its device may offer in the pool; absent: any. */
  readonly tools?: readonly string[];
  /** The groups in whose name it decides calls. */
  readonly groups?: readonly string[];
  /** The user of the tenant that it speaks for, in the words of its maker. */
  readonly subject?: string;
  /** The address that the credential came from, where it is known. */
  readonly address?: string;
  /** When it expires, in milliseconds since the epoch; absent: never. */
  readonly expiresAt?: number;
  /** Holds the operator's key, and so may set what tenants may have. */
  readonly isOperator?: true;
  /** Calls back once when it is revoked, until the returned function is called. Absent where nothing revokes it. */
  readonly onRevoked?: (end: () => void) => () => void;
}
