import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { type LeavePlace, Places, type TakePlace } from "../../access/places.ts";
import {
  SOCKET_CLOSE_TIMEOUT_MS,
  SOCKET_STRANGERS_MAX,
  SOCKET_STRANGERS_PER_ADDRESS_MAX,
  SOCKET_UNKNOWN_MAX,
  SOCKET_UNKNOWN_PER_ADDRESS_MAX,
} from "../limits.ts";
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

/**
 * 1. A connection has a place of one kind. It is a stranger until it sends something. Then it is unknown, until its
 *    credential was found good. Then it has one of the places that principals share (`Places`).
 * 2. Neither strangers nor unknown ones take a place from anybody else. Of both the longest waiting yields.
 * 3. An unknown one that is refused stays unknown until its transport is closed. So a client that is refused again and
 *    again, and answers no close frame, crowds out its own connections.
 */
export function createSocketServer(params: {
  /** What connects here, for the refusal: "devices". */
  readonly clients: string;
  /** Of those whose principal is known. */
  readonly socketsMax: number;
  readonly messageBytesMax: number;
  /** The subprotocol spoken here. A client that offers none is served: its first message says what it speaks. */
  readonly subprotocol?: string;
  /** Where a request comes from, as `addressShare` returns it. */
  readonly addressOf: (request: IncomingMessage) => string;
  /** Begins to serve a connection from this address. */
  readonly open: (transport: MessageTransport, takePlace: TakePlace, from: string) => OpenSocket;
}): SocketServer {
  const { clients, socketsMax, subprotocol } = params;
  const sockets = new Set<OpenSocket>();
  const strangers = new StrangerPlaces<OpenSocket>({
    strangersMax: SOCKET_STRANGERS_MAX,
    strangersPerAddressMax: SOCKET_STRANGERS_PER_ADDRESS_MAX,
  });
  const unknown = new StrangerPlaces<OpenSocket>({
    strangersMax: SOCKET_UNKNOWN_MAX,
    strangersPerAddressMax: SOCKET_UNKNOWN_PER_ADDRESS_MAX,
  });
  const places = new Places({ placesMax: socketsMax, what: clients });
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
    let leave: LeavePlace | null = null;
    const takePlace: TakePlace = (principal) => {
      const taken = places.take(principal);
      if (taken.kind === "refused") return taken; // 3.
      unknown.remove(socket, address);
      leave = taken.leave;
      return null;
    };
    const socket = params.open(wsTransport(webSocket, stream), takePlace, address);
    sockets.add(socket);
    // Before the message is handled: that may take a place.
    webSocket.prependOnceListener("message", () => {
      strangers.remove(socket, address);
      unknown.add(socket, address)?.terminate("crowded_out");
    });
    const forget = (): void => {
      strangers.remove(socket, address);
      unknown.remove(socket, address);
      sockets.delete(socket);
      leave?.();
    };
    void socket.closed.then(forget);
    strangers.add(socket, address)?.terminate("crowded_out");
  }

  return {
    upgrade(request, stream: Duplex, head) {
      if (isClosing || places.isFull) {
        const detail = `This gateway takes no more ${clients}; connect again.`;
        return sendBareProblem(stream, { code: "unavailable", detail });
      }
      const offered = request.headers["sec-websocket-protocol"];
      if (subprotocol !== undefined && offered !== undefined && !includesName(offered, subprotocol)) {
        const detail = `The only subprotocol spoken here is ${subprotocol}.`;
        return sendBareProblem(stream, { code: "invalid_request", detail });
      }
      const address = params.addressOf(request);
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
