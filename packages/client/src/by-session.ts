import type { ConnectionOptions } from "./connection.ts";

/** A connection that sends the session, which the browser has as a cookie, and no token. */
export function bySession(url: string): ConnectionOptions {
  return {
    url,
    token: "session",
    // A socket takes a token alone.
    WebSocket: null,
    fetch(input, init) {
      const headers = new Headers(init?.headers);
      headers.delete("authorization");
      return globalThis.fetch(input, { ...init, headers, credentials: "same-origin" });
    },
  };
}
