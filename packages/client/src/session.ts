/** The session of a page that the gateway itself serves, as the console does: no script holds its key. */
import type { Session, SessionState } from "@hsafa/protocol";
import { type Client, createClient } from "./client.ts";
import { type CallOptions, type ConnectionOptions, createConnection } from "./connection.ts";
import { bySession } from "./by-session.ts";

/** The calls about the session of this browser. Each rejects with an `HsafaError`, or with the signal's reason. */
export interface Sessions {
  /** Returns who is signed in. */
  get(options?: CallOptions): Promise<SessionState>;
  /** Exchanges a key or token for a session. */
  begin(credential: string, options?: CallOptions): Promise<Session>;
  /** Begins the session of the person who runs `hsafa dev` on this machine. */
  beginLocal(options?: CallOptions): Promise<Session>;
  /** Signs out. */
  end(options?: CallOptions): Promise<void>;
}

/** Makes the calls about the session of this browser at the gateway that serves the page. */
export function createSessions({ url }: Pick<ConnectionOptions, "url">): Sessions {
  const connection = createConnection(bySession(url));
  const path = "/api/session";
  return {
    get: (options = {}) => connection.call(path, options),
    begin: (credential, options = {}) =>
      createConnection({ url, token: credential }).call(path, { method: "POST", ...options }),
    beginLocal: (options = {}) => connection.call(`${path}/local`, { method: "POST", ...options }),
    async end(options = {}) {
      await connection.call(path, { method: "DELETE", ...options });
    },
  };
}

/**
 * Makes a client whose requests are those of the session of this browser. No WebSocket takes a cookie. So each run that
 * is streamed gets a token of its own, which only reads this run and lives for minutes. `canMakeTokens`: whether the
 * session is of a key. Without that, streams are event streams, which take the session.
 */
export function createSessionClient(options: { readonly url: string; readonly canMakeTokens: boolean }): Client {
  const { url, canMakeTokens } = options;
  const client = createClient({ ...bySession(url), transport: "sse" });
  if (!canMakeTokens) return client;
  const stream: Client["runs"]["stream"] = (runId, params) => {
    const token = async (): Promise<string> => (await client.tokens.create({ scopes: ["runs:read"], runId })).token;
    return createClient({ url, token, transport: "watch" }).runs.stream(runId, params);
  };
  return { ...client, runs: { ...client.runs, stream } };
}
