import { CLOSE_CODES, type DeviceMessage, type GatewayMessage } from "@hsafa/protocol";
import { deviceMessageSchema } from "@hsafa/protocol/schema";
import type { TakePlace } from "../../access/places.ts";
import type { DeviceServer } from "../../devices/device-server.ts";
import type { SessionEnd } from "../../devices/device-socket.ts";
import { DEVICE_HEARTBEAT_MS } from "../../devices/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { LoopTurns } from "../../runtime/loop-turns.ts";
import {
  DEVICE_BYTE_RATE,
  DEVICE_FAULTS_MAX,
  DEVICE_MESSAGE_RATE,
  DEVICE_MESSAGES_QUEUED_MAX,
  DEVICE_QUEUED_BYTES_MAX,
  DEVICE_REGISTER_BYTES_MAX,
  DEVICE_REGISTER_TIMEOUT_MS,
  DEVICE_UNHEARD_MAX_MS,
  DEVICE_UNSENT_BYTES_MAX,
} from "../limits.ts";
import { MessageSocket } from "../socket/message-socket.ts";
import type { MessageTransport } from "../socket/message-transport.ts";
import { readMessage } from "../socket/read-message.ts";
import { GOING_AWAY, type SocketEnd, type SocketProtocol } from "../socket/socket-protocol.ts";

/** They carry what a tool found. Half a character in it must not cost the result. */
const MENDED_MESSAGES: ReadonlySet<string> = new Set(["tool.result", "tool.progress"]);

const PROTOCOL: SocketProtocol<DeviceMessage, GatewayMessage> = {
  bounds: {
    queue: { messagesMax: DEVICE_MESSAGES_QUEUED_MAX, bytesMax: DEVICE_QUEUED_BYTES_MAX },
    pace: { messages: DEVICE_MESSAGE_RATE, bytes: DEVICE_BYTE_RATE },
    strangerBytesMax: DEVICE_REGISTER_BYTES_MAX,
    admissionTimeoutMs: DEVICE_REGISTER_TIMEOUT_MS,
    pingEveryMs: DEVICE_HEARTBEAT_MS,
    unheardMaxMs: DEVICE_UNHEARD_MAX_MS,
    faultsMax: DEVICE_FAULTS_MAX,
    unsentBytesMax: DEVICE_UNSENT_BYTES_MAX,
    whenUnsent: "close",
  },
  notAdmitted: {
    reason: "not_registered",
    closeCode: CLOSE_CODES.heartbeatMissed,
    detail: "The device did not register in time.",
  },
  read: (text) => readMessage(text, deviceMessageSchema, "callId", MENDED_MESSAGES),
  error: (code, message, callId) => ({ type: "error", code, message, callId }),
};

const ENDS: Readonly<Record<SessionEnd, SocketEnd>> = {
  replaced: {
    reason: "replaced",
    closeCode: CLOSE_CODES.replaced,
    detail: "Another connection with this device key took over.",
  },
  swept: {
    reason: "swept",
    closeCode: CLOSE_CODES.goingAway,
    detail: "This gateway was given up; connect again.",
  },
  gateway_stopped: GOING_AWAY,
};

/** Serves one device's connection: the messages of `devices` over a transport. */
export function openDeviceSocket(
  transport: MessageTransport,
  deps: {
    readonly devices: DeviceServer;
    readonly clock: Clock;
    readonly log: Log;
    readonly turns: Pick<LoopTurns, "take" | "charge">;
    readonly takePlace: TakePlace;
    readonly from: string;
    readonly later?: (callback: () => void) => void;
  },
): MessageSocket<DeviceMessage, GatewayMessage> {
  const { devices, takePlace, from, ...ports } = deps;
  const socket = new MessageSocket({ transport, protocol: PROTOCOL, ...ports });
  const handler = devices.connect({
    send: (message) => socket.send(message),
    fault: (detail, callId) => socket.fault(detail, callId),
    takePlace,
    from,
    admit: (principal) => socket.admit(principal),
    refuse: (refusal) => socket.refuse(refusal),
    end: (why) => socket.end(ENDS[why]),
  });
  socket.open(handler);
  return socket;
}
