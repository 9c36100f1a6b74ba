import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { DEVICE_SUBPROTOCOL } from "@hsafa/protocol";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import type { Authenticate } from "../../access/authenticate.ts";
import { createToolResults } from "../../devices/tool-results.ts";
import { createDeviceDispatch } from "../../devices/device-dispatch.ts";
import { createSessionCloser } from "../../devices/session-closer.ts";
import { DEVICE_MESSAGE_BYTES_MAX, DEVICE_SOCKETS_MAX, SOCKET_CLOSE_TIMEOUT_MS } from "../limits.ts";
import { DEVICE_POLL_MS } from "../../devices/limits.ts";
import type { Bell } from "../../ports/bell.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LiveLog } from "../../ports/live-log.ts";
import type { Store } from "../../ports/store.ts";
import { type DeviceConnection, openDeviceConnection } from "./device-connection.ts";

/** All devices connected to this gateway. */
export interface DeviceServer {
  start(): void;
  /** Takes over a request for `WS /devices/connect`. Its path and its `Origin` have been checked. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Tells every device to connect elsewhere, ends their sessions in the store, and closes their sockets. */
  close(): Promise<void>;
}

export function createDeviceServer(deps: {
  readonly gatewayId: string;
  readonly authenticate: Authenticate;
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  readonly clock: Clock;
  /** Told of what should not happen: for the log. */
  readonly onTrouble: (what: string, error: unknown) => void;
}): DeviceServer {
  const { clock, bell } = deps;
  const dispatch = createDeviceDispatch(deps);
  const endings = createSessionCloser(deps);
  const answers = createToolResults({ ...deps, dispatch });
  const connections = new Set<DeviceConnection>();
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    maxPayload: DEVICE_MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    closeTimeout: SOCKET_CLOSE_TIMEOUT_MS,
    handleProtocols: (offered) => offered.has(DEVICE_SUBPROTOCOL) && DEVICE_SUBPROTOCOL,
  };
  const server = new WebSocketServer(options);
  let isClosing = false;
  let stopTicking = (): void => {};
  let stopListening = (): void => {};
  let tickedAt = 0;

  /** What makes certain what rings make immediate, and the heartbeat of every connection. */
  function tick(): void {
    const now = clock.monotonic();
    // A gateway that was itself stopped for a while heard nobody, and must not take that for the devices' silence.
    const elapsedMs = Math.min(now - tickedAt, 2 * DEVICE_POLL_MS);
    tickedAt = now;
    for (const connection of connections) connection.checkAlive(elapsedMs);
    endings.retry();
    dispatch.look();
    stopTicking = clock.after(DEVICE_POLL_MS, tick);
  }

  function connect(webSocket: WebSocket, socket: Duplex): void {
    const connection = openDeviceConnection(webSocket, { ...deps, dispatch, answers, endings });
    connections.add(connection);
    socket.on("data", (chunk: Buffer) => connection.hear(chunk.length));
    void connection.closed.then(() => connections.delete(connection));
  }

  return {
    start() {
      tickedAt = clock.monotonic();
      stopListening = bell.listen(dispatch.hear);
      stopTicking = clock.after(DEVICE_POLL_MS, tick);
    },
    upgrade(request, socket, head) {
      if (isClosing || connections.size >= DEVICE_SOCKETS_MAX) {
        return refuse(socket, "503 Service Unavailable", "This gateway takes no more devices; connect again.");
      }
      // A client that offers no subprotocol is served: its first message says what it speaks. One that offers only
      // others speaks something else.
      const offered = request.headers["sec-websocket-protocol"];
      if (offered !== undefined && !offered.split(",").some((name) => name.trim() === DEVICE_SUBPROTOCOL)) {
        return refuse(socket, "400 Bad Request", `The only subprotocol spoken here is ${DEVICE_SUBPROTOCOL}.`);
      }
      server.handleUpgrade(request, socket, head, (webSocket) => connect(webSocket, socket));
    },
    async close() {
      isClosing = true;
      stopTicking();
      stopListening();
      for (const connection of connections) connection.goAway();
      await Promise.all([...connections].map(({ closed }) => closed));
      await dispatch.settle();
      await endings.settle();
    },
  };
}

function refuse(socket: Duplex, status: string, detail: string): void {
  socket.on("error", () => {});
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(detail)}\r\n\r\n${detail}`,
  );
}
