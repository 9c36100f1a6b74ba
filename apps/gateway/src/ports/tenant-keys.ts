import type { ApiKey, Page, Scope } from "@hsafa/protocol";
import type { Act } from "./act.ts";

export type RotateKeyOutcome =
  | { readonly kind: "rotated"; readonly key: ApiKey }
  | { readonly kind: "not_found" }
  /** It is the initial key of a gateway, whose secret stands in a setting or in a data folder. */
  | { readonly kind: "initial" }
  /** The tenant has `REVOCATIONS_PER_TENANT_MAX` revocations of its own. */
  | { readonly kind: "too_many" };

/** One tenant's statements about its keys. Each may be repeated when its outcome is unknown. */
export interface TenantKeys {
  /** Makes a key. Null: the tenant has `KEYS_PER_TENANT_MAX` keys. */
  createApiKey(
    params: Act & {
      readonly keyId: string;
      readonly name: string;
      readonly keyHash: string;
      readonly scopes: readonly Scope[];
      /** The user of the tenant whose key it is; null: an operator's. */
      readonly subject: string | null;
      /** The groups in whose name it decides calls. */
      readonly groups: readonly string[];
      /** The name of the key that made it. */
      readonly createdBy: string;
      /** Null: it does not expire. */
      readonly expiresInMs: number | null;
    },
  ): Promise<ApiKey | null>;
  /** Newest first. Revoked keys are listed for `REVOKED_KEY_KEPT_MS`. */
  listApiKeys(params: { readonly limit: number; readonly cursor: string | undefined }): Promise<Page<ApiKey>>;
  /** Gives a key a new secret. The former one is taken for `overlapMs`; one before that ends now. */
  rotateApiKey(
    params: Act & {
      readonly keyId: string;
      readonly keyHash: string;
      readonly overlapMs: number;
    },
  ): Promise<RotateKeyOutcome>;
  /** Revokes a key. True also if it was revoked before; false: there is no such key. */
  revokeApiKey(params: Act & { readonly keyId: string }): Promise<boolean>;
  /**
   * Revokes the tokens that were made so far: of the tenant, or of one subject or device of it. False: the tenant has
   * revoked so many subjects and devices that only a revocation of all its tokens is taken.
   */
  revokeTokens(
    params: Act & {
      readonly whose: { readonly kind: "tokens" } | { readonly kind: "subject" | "device"; readonly subject: string };
    },
  ): Promise<boolean>;
}
