import type { IncomingMessage } from "node:http";
import type { Authenticate } from "../../access/authenticate.ts";
import { WATCH_MESSAGE_BYTES_MAX, WATCH_SOCKETS_MAX } from "../limits.ts";
import { createSocketServer, type SocketServer } from "../socket/socket-server.ts";
import { openWatchSocket, type WatchSocketDeps } from "./open-watch-socket.ts";

/** `WS /api/watch`: the sockets of clients that watch several runs each. */
export function createWatchSocketServer(
  deps: Omit<WatchSocketDeps, "takePlace"> & { readonly addressOf: (request: IncomingMessage) => string },
): SocketServer {
  return createSocketServer({
    clients: "watch sockets",
    socketsMax: WATCH_SOCKETS_MAX,
    messageBytesMax: WATCH_MESSAGE_BYTES_MAX,
    addressOf: deps.addressOf,
    open(transport, takePlace, from) {
      const authenticate: Authenticate = (credential) => deps.authenticate(credential, from);
      return openWatchSocket(transport, { ...deps, authenticate, takePlace });
    },
  });
}
