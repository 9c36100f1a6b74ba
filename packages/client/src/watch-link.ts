/**
 * The WebSocket that all streams of a client share (`WS /api/watch`). A browser opens six HTTP connections to one host,
 * of all its tabs together, so six event streams would leave none for anything else.
 *
 * 1. A connection is opened when something is read, and closed when nothing was read on it for a while.
 * 2. What is read ends when its connection is lost. Each reader comes back, at a time of its own.
 * 3. A gateway takes one stream of a run on a connection, and a hundred in all. One more opens another connection.
 * 4. A token that was refused is not sent again. If there is no other one, that is final.
 * 5. Where no connection was ever opened, something on the way may not let WebSockets pass. The caller is told. The
 *    same holds where there is no WebSocket at all, as in Node 20.
 */
import { CLOSE_CODES, type WatchAnswer } from "@hsafa/protocol";
import { webSocketOf, type WebSocketConstructor } from "./client-socket.ts";
import { HsafaError } from "./error.ts";
import type { TokenKeeper } from "./token.ts";
import { openWatchConnection, type WatchConnection, type WatchTopic } from "./watch-connection.ts";

/** The shared connection of a client. */
export interface WatchLink {
  /**
   * Yields what the gateway says of a topic, until the connection is lost or the signal aborts. Throws an `HsafaError`
   * if the gateway refuses. Returns false, having yielded nothing, if no connection could ever be opened (5).
   */
  read(topic: WatchTopic, signal?: AbortSignal): AsyncGenerator<WatchAnswer, boolean, undefined>;
}

/** What is told of a run or thread that may be read later. */
const MAY_HEAL = ["unavailable", "internal", "too_many_requests"];

/** Makes the shared connection. Nothing is opened until something is read. */
export function createWatchLink(params: {
  readonly base: string;
  readonly tokens: TokenKeeper;
  /** Null: none is opened. */
  readonly WebSocket: WebSocketConstructor | null | undefined;
}): WatchLink {
  const { base, tokens, WebSocket } = params;
  const connections = new Set<WatchConnection>();
  let hasOpened = false;
  let refused: string | null = null;

  async function token(): Promise<string> {
    const known = refused === null ? await tokens.current() : await tokens.renew(refused); // 4.
    if (known === null) throw refusal("unauthenticated", "The gateway refused the token.");
    return known;
  }

  function connect(): WatchConnection {
    const connection = openWatchConnection({
      url: `${base.replace(/^http/, "ws")}/api/watch`,
      WebSocket: WebSocket ?? undefined,
      token,
      onOpened() {
        hasOpened = true;
        refused = null;
      },
      onEnded(code, used) {
        connections.delete(connection); // 2.
        if (code === CLOSE_CODES.notAuthenticated) refused = used;
      },
    });
    connections.add(connection);
    return connection;
  }

  return {
    async *read(topic, signal) {
      if (WebSocket === null || webSocketOf(WebSocket) === undefined) return false; // 5.
      const connection = [...connections].find((one) => one.hasRoomFor(topic)) ?? connect(); // 3.
      const inbox = connection.join(topic);
      const wake = (): void => inbox.wake();
      signal?.addEventListener("abort", wake);
      try {
        for (;;) {
          const message = inbox.messages.shift();
          if (signal?.aborted === true) return true;
          if (message?.type === "error") throw refusal(message.code, message.message);
          if (message !== undefined) yield message;
          else if (inbox.end === null) await new Promise<void>((resolve) => Object.assign(inbox, { wake: resolve }));
          else if (inbox.end.error !== undefined) throw inbox.end.error;
          else return hasOpened || refused !== null; // 5.
        }
      } finally {
        signal?.removeEventListener("abort", wake);
        connection.leave(inbox); // 1.
      }
    },
  };
}

/** The error that an HTTP request would have ended with. */
function refusal(code: string, message: string): HsafaError {
  const statuses: Readonly<Record<string, number>> = { unauthenticated: 401, forbidden: 403, not_found: 404 };
  return new HsafaError({ code, message, status: MAY_HEAL.includes(code) ? 503 : (statuses[code] ?? 400) });
}
