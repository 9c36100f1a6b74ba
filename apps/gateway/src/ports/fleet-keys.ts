import type { Scope } from "@hsafa/protocol";
import type { Revocation } from "./revocation.ts";
import type { TenantId } from "../core/tenant-id.ts";

export interface ApiKeyOwner {
  readonly tenantId: TenantId;
  readonly keyId: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The user of the tenant whose key it is; null: an operator's. */
  readonly subject: string | null;
  /** The groups in whose name it decides calls. */
  readonly groups: readonly string[];
  /** After how many ms this secret of the key is taken no more; null: never. */
  readonly expiresInMs: number | null;
}

/** The statements about keys that serve all tenants: a credential is known before its tenant is. */
export interface FleetKeys {
  /**
   * Returns the owner of the key with this hash. Null for an unknown, a revoked or an expired one, and for every key of
   * a disabled tenant.
   */
  findApiKey(params: { readonly keyHash: string }): Promise<ApiKeyOwner | null>;
  /**
   * Makes a key with this hash, and its tenant if there is none of this name. A hash that is known makes none.
   *
   * A gateway makes its initial key so. `origin` then says where it came from, and the keys of the origins that `ends`
   * names are revoked. A name without a colon means all origins that begin with it. If the key itself was revoked
   * before, nothing changes, and `isRevoked` says so.
   */
  ensureApiKey(params: {
    readonly tenantName: string;
    readonly name: string;
    readonly keyHash: string;
    readonly scopes: readonly Scope[];
    readonly origin?: string;
    readonly ends?: readonly string[];
  }): Promise<{ readonly tenantId: TenantId; readonly keyId: string; readonly isRevoked: boolean }>;
  /** Revokes the keys of these origins, as above. Returns whether any key is left that is taken. */
  endInitialKeys(params: { readonly ends: readonly string[] }): Promise<{ readonly isKeyLeft: boolean }>;
  /** Notes that these keys are in use now. Each is written once in `KEY_USE_COARSE_MS` at most, by all gateways. */
  recordKeyUse(params: { readonly keyIds: readonly string[] }): Promise<void>;
  /** Returns the number of the last revocation. A token that is made now bears it. */
  readRevocationNumber(): Promise<number>;
  /** Returns revocations with a higher number, in order, `REVOCATIONS_PAGE_MAX` at most. Each is committed in order. */
  readRevocations(params: { readonly after: number }): Promise<readonly Revocation[]>;
}
