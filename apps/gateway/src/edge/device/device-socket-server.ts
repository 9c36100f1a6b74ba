import { DEVICE_SUBPROTOCOL } from "@hsafa/protocol";
import type { IncomingMessage } from "node:http";
import type { DeviceServer } from "../../devices/device-server.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { LoopTurns } from "../../runtime/loop-turns.ts";
import { DEVICE_MESSAGE_BYTES_MAX, DEVICE_SOCKETS_MAX } from "../limits.ts";
import { createSocketServer, type SocketServer } from "../socket/socket-server.ts";
import { openDeviceSocket } from "./open-device-socket.ts";

/** `WS /devices/connect`: the sockets of a device server. */
export function createDeviceSocketServer(deps: {
  readonly devices: DeviceServer;
  readonly clock: Clock;
  readonly log: Log;
  readonly turns: Pick<LoopTurns, "take" | "charge">;
  readonly addressOf: (request: IncomingMessage) => string;
}): SocketServer {
  return createSocketServer({
    clients: "devices",
    socketsMax: DEVICE_SOCKETS_MAX,
    messageBytesMax: DEVICE_MESSAGE_BYTES_MAX,
    subprotocol: DEVICE_SUBPROTOCOL,
    addressOf: deps.addressOf,
    open: (transport, takePlace, from) => openDeviceSocket(transport, { ...deps, takePlace, from }),
  });
}
