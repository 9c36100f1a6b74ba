import { WATCH_MESSAGE_BYTES_MAX, WATCH_SOCKETS_MAX } from "../limits.ts";
import { createSocketServer, type SocketServer } from "../socket/socket-server.ts";
import { openWatchSocket, type WatchSocketDeps } from "./open-watch-socket.ts";

/** `WS /api/watch`: the sockets of clients that watch several runs each. */
export function createWatchSocketServer(deps: WatchSocketDeps): SocketServer {
  return createSocketServer({
    clients: "watchers",
    socketsMax: WATCH_SOCKETS_MAX,
    messageBytesMax: WATCH_MESSAGE_BYTES_MAX,
    open: (transport) => openWatchSocket(transport, deps),
  });
}
