/**
 * The backend of a chat page, as docs/chat-page.md describes it. It holds the key, and gives each user who is logged in
 * a token of a few minutes that reaches what is this user's.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createClient } from "@hsafa/client";

/** What the page's token may do: start runs of one agent, speak to them, cancel them, decide, and read. No more. */
const SCOPES = ["runs:start", "runs:send", "runs:cancel", "approvals:decide", "runs:read"] as const;
const TOKEN_LIFETIME_S = 300;

/** Makes the server. `userOf` is the login that your backend has already: the user's id, or null. */
export function chatBackend(params: {
  readonly gatewayUrl: string;
  readonly key: string;
  readonly agent: string;
  readonly userOf: (request: IncomingMessage) => Promise<string | null> | string | null;
}): Server {
  const { gatewayUrl, key, agent, userOf } = params;
  const hsafa = createClient({ url: gatewayUrl, token: key });

  async function answer(request: IncomingMessage): Promise<{ readonly status: number; readonly body: object }> {
    if (request.method !== "POST" || request.url !== "/hsafa-token") return { status: 404, body: {} };
    const user = await userOf(request);
    if (user === null) return { status: 401, body: {} };
    // The subject comes from the login. What a page says of itself is no login.
    const made = { scopes: [...SCOPES], agents: [agent], subject: user, expiresInSeconds: TOKEN_LIFETIME_S };
    const { token } = await hsafa.tokens.create(made);
    return { status: 200, body: { token } };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, body } = await answer(request).catch(() => ({ status: 502, body: {} }));
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(body));
  }

  return createServer((request, response) => void serve(request, response));
}
