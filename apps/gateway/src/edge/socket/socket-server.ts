import type { Duplex } from "node:stream";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { SOCKET_CLOSE_TIMEOUT_MS, SOCKET_STRANGERS_MAX, SOCKET_STRANGERS_PER_ADDRESS_MAX } from "../limits.ts";
import { sendBareProblem } from "./bare-problem.ts";
import type { MessageSocket } from "./message-socket.ts";
import type { MessageTransport } from "./message-transport.ts";
import { StrangerPlaces } from "./stranger-places.ts";
import type { UpgradeHandler } from "./upgrade.ts";
import { wsTransport } from "./ws-transport.ts";

/** What a server needs of the connections that it opened. */
type OpenSocket = Pick<MessageSocket<never, never>, "goAway" | "terminate" | "closed">;

/** The WebSocket connections of one path. */
export interface SocketServer {
  /** Takes over a request whose path and `Origin` have been checked, or refuses it with a problem document. */
  readonly upgrade: UpgradeHandler;
  /** Takes no more connections, and tells every client to connect elsewhere. Resolves when all sockets are closed. */
  close(): Promise<void>;
}

export function createSocketServer(params: {
  /** What connects here, for the refusal: "devices". */
  readonly clients: string;
  /** Of those that have sent something. */
  readonly socketsMax: number;
  readonly messageBytesMax: number;
  /** The subprotocol spoken here. A client that offers none is served: its first message says what it speaks. */
  readonly subprotocol?: string;
  /** Begins to serve a connection. */
  readonly open: (transport: MessageTransport) => OpenSocket;
}): SocketServer {
  const { clients, socketsMax, subprotocol } = params;
  const sockets = new Set<OpenSocket>();
  const strangers = new StrangerPlaces<OpenSocket>({
    strangersMax: SOCKET_STRANGERS_MAX,
    strangersPerAddressMax: SOCKET_STRANGERS_PER_ADDRESS_MAX,
  });
  const options: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    maxPayload: params.messageBytesMax,
    perMessageDeflate: false,
    // The transport answers pings, so that a flood of them is bounded.
    autoPong: false,
    closeTimeout: SOCKET_CLOSE_TIMEOUT_MS,
    ...(subprotocol === undefined ? {} : { handleProtocols: (offered) => offered.has(subprotocol) && subprotocol }),
  };
  const server = new WebSocketServer(options);
  let isClosing = false;

  function serve(webSocket: WebSocket, stream: Duplex, address: string): void {
    const socket = params.open(wsTransport(webSocket, stream));
    sockets.add(socket);
    const known = (): void => strangers.remove(socket, address);
    webSocket.once("message", known);
    void socket.closed.then(known);
    void socket.closed.then(() => sockets.delete(socket));
    strangers.add(socket, address)?.terminate("crowded_out");
  }

  return {
    upgrade(request, stream: Duplex, head) {
      if (isClosing || sockets.size - strangers.count >= socketsMax) {
        const detail = `This gateway takes no more ${clients}; connect again.`;
        return sendBareProblem(stream, { code: "unavailable", detail });
      }
      const offered = request.headers["sec-websocket-protocol"];
      if (subprotocol !== undefined && offered !== undefined && !includesName(offered, subprotocol)) {
        const detail = `The only subprotocol spoken here is ${subprotocol}.`;
        return sendBareProblem(stream, { code: "invalid_request", detail });
      }
      const address = request.socket.remoteAddress ?? "";
      server.handleUpgrade(request, stream, head, (webSocket) => serve(webSocket, stream, address));
    },
    async close() {
      isClosing = true;
      const open = [...sockets];
      for (const socket of open) socket.goAway();
      await Promise.all(open.map(({ closed }) => closed));
    },
  };
}

function includesName(list: string, name: string): boolean {
  return list.split(",").some((entry) => entry.trim() === name);
}
