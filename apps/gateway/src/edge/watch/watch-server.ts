import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { SOCKET_CLOSE_TIMEOUT_MS, WATCH_MESSAGE_BYTES_MAX, WATCH_SOCKETS_MAX } from "../limits.ts";
import { openWatchConnection, type WatchConnection, type WatchConnectionDeps } from "./watch-connection.ts";

/** All clients that watch several runs on one connection of this gateway. */
export interface WatchServer {
  /** Takes over a request for `WS /api/watch`. Its path and its `Origin` have been checked. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells every client to connect elsewhere, and closes their sockets. */
  close(): Promise<void>;
}

export function createWatchServer(deps: WatchConnectionDeps): WatchServer {
  const connections = new Set<WatchConnection>();
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    maxPayload: WATCH_MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    closeTimeout: SOCKET_CLOSE_TIMEOUT_MS,
  };
  const server = new WebSocketServer(options);
  let isClosing = false;

  function connect(webSocket: WebSocket, stream: Duplex): void {
    const connection = openWatchConnection(webSocket, stream, deps);
    connections.add(connection);
    stream.on("data", () => connection.hear());
    void connection.closed.then(() => connections.delete(connection));
  }

  return {
    upgrade(request, socket, head) {
      if (isClosing || connections.size >= WATCH_SOCKETS_MAX) return refuse(socket);
      server.handleUpgrade(request, socket, head, (webSocket) => connect(webSocket, socket));
    },
    async close() {
      isClosing = true;
      for (const connection of connections) connection.goAway();
      await Promise.all([...connections].map(({ closed }) => closed));
    },
  };
}

function refuse(socket: Duplex): void {
  const detail = "This gateway takes no more watchers; connect again.";
  socket.on("error", () => {});
  socket.end(
    `HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${detail.length}\r\n\r\n${detail}`,
  );
}
