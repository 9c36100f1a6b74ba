import type { Page, PageQuery, PutSecretBody, Secret } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about secrets. No call returns a value. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Secrets {
  /** Makes a secret, or gives it another value. */
  set(name: string, value: string, options?: CallOptions): Promise<Secret>;
  /** Returns a page of secrets, with their names and without their values. */
  list(query?: PageQuery, options?: CallOptions): Promise<Page<Secret>>;
  /** Forgets a secret. Tools that need it fail from then on. */
  delete(name: string, options?: CallOptions): Promise<void>;
}

/** Makes the calls about secrets. */
export function createSecrets(connection: Connection): Secrets {
  const path = (name: string): string => `/api/secrets/${encodeURIComponent(name)}`;
  return {
    set(name, value, options = {}) {
      const body: PutSecretBody = { value };
      return connection.call(path(name), { method: "PUT", body, ...options });
    },
    list(query = {}, options = {}) {
      return connection.call("/api/secrets", { query: { ...query }, ...options });
    },
    delete(name, options = {}) {
      return connection.call(path(name), { method: "DELETE", ...options });
    },
  };
}
