import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { WatchAnswer, WatchMessage } from "@hsafa/protocol";
import { onTestFinished } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";

/** One connection to `WS /api/watch`, as a gateway sees it. */
export interface FakeWatchConnection {
  readonly received: WatchMessage[];
  readonly socket: WebSocket;
  say(message: WatchAnswer): void;
}

/** A gateway's watch socket, in process. `answer` is called with each message. */
export async function startFakeWatchServer(
  answer: (message: WatchMessage, connection: FakeWatchConnection) => void,
): Promise<{ readonly url: string; readonly connections: FakeWatchConnection[]; readonly server: Server }> {
  const connections: FakeWatchConnection[] = [];
  const server = createServer();
  const sockets = new WebSocketServer({ server, path: "/api/watch" });
  sockets.on("connection", (socket) => {
    const connection: FakeWatchConnection = {
      received: [],
      socket,
      say: (message) => socket.send(JSON.stringify(message)),
    };
    connections.push(connection);
    socket.on("message", (data: Buffer) => {
      const message = JSON.parse(data.toString("utf8")) as WatchMessage;
      connection.received.push(message);
      answer(message, connection);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const client of sockets.clients) client.terminate();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, connections, server };
}
