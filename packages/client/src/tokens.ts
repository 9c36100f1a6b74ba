import type { CreatedToken, CreateTokenBody } from "@hsafa/protocol";
import type { CallOptions, Connection } from "./connection.ts";

/** The calls about browser tokens. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Tokens {
  /** Makes a short-lived token for a browser. It can do only what it names. */
  create(params: CreateTokenBody, options?: CallOptions): Promise<CreatedToken>;
  /** Sets this client's token as a cookie, for a browser's own `EventSource`. */
  setCookie(options?: CallOptions): Promise<void>;
}

/** Makes the calls about browser tokens. */
export function createTokens(connection: Connection): Tokens {
  return {
    create(params, options = {}) {
      return connection.call("/api/tokens", { method: "POST", body: params, ...options });
    },
    setCookie(options = {}) {
      return connection.call("/api/tokens/cookie", { method: "POST", ...options });
    },
  };
}
