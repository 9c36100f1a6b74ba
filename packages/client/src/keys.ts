import type {
  ApiKey,
  ApiKeyWithSecret,
  CreateKeyBody,
  Page,
  PageQuery,
  RevokeTokensBody,
  RotateKeyBody,
} from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about API keys, for keys with the scope `admin`. Each rejects as those of the other interfaces do. */
export interface Keys {
  /** Makes a key. Its secret is in `key`, this once. */
  create(params: CreateKeyBody, options?: CallOptions): Promise<ApiKeyWithSecret>;
  /** Returns a page of keys, newest first, revoked ones too. */
  list(query?: PageQuery, options?: CallOptions): Promise<Page<ApiKey>>;
  /** Gives a key a new secret. The former one is taken for `overlapSeconds` more. */
  rotate(keyId: string, params?: RotateKeyBody, options?: CallOptions): Promise<ApiKeyWithSecret>;
  /** Revokes a key. What it opened, and the tokens that it made, end within a second. */
  revoke(keyId: string, options?: CallOptions): Promise<void>;
  /** Ends the tokens made so far of a subject or of a device, or without both of the tenant. */
  revokeTokens(params?: RevokeTokensBody, options?: CallOptions): Promise<void>;
}

/** Makes the calls about API keys. */
export function createKeys(connection: Connection): Keys {
  const path = (keyId: string): string => `/api/keys/${encodeURIComponent(keyId)}`;
  return {
    create(params, options = {}) {
      return connection.call("/api/keys", { method: "POST", body: params, ...options });
    },
    list(query = {}, options = {}) {
      return connection.call("/api/keys", { query: { ...query }, ...options });
    },
    rotate(keyId, params = {}, options = {}) {
      return connection.call(`${path(keyId)}/rotate`, { method: "POST", body: params, ...options });
    },
    revoke(keyId, options = {}) {
      return connection.call(path(keyId), { method: "DELETE", ...options });
    },
    revokeTokens(params = {}, options = {}) {
      return connection.call("/api/tokens/revoke", { method: "POST", body: params, ...options });
    },
  };
}
