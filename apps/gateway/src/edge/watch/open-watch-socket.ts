import { CLOSE_CODES, type WatchAnswer, type WatchMessage } from "@hsafa/protocol";
import { watchMessageSchema } from "@hsafa/protocol/schema";
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import type { LoopTurns } from "../../runtime/loop-turns.ts";
import {
  WATCH_AUTH_TIMEOUT_MS,
  WATCH_BYTE_RATE,
  WATCH_FAULTS_MAX,
  WATCH_HEARTBEAT_MS,
  WATCH_MESSAGE_RATE,
  WATCH_MESSAGES_QUEUED_MAX,
  WATCH_QUEUED_BYTES_MAX,
  WATCH_UNHEARD_MAX_MS,
  WATCH_UNSENT_BYTES_MAX,
} from "../limits.ts";
import { MessageSocket } from "../socket/message-socket.ts";
import type { MessageTransport } from "../socket/message-transport.ts";
import { readMessage } from "../socket/read-message.ts";
import type { SocketProtocol } from "../socket/socket-protocol.ts";
import { WatchConnection, type WatchConnectionDeps } from "./watch-connection.ts";

export interface WatchSocketDeps extends WatchConnectionDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly turns: Pick<LoopTurns, "take" | "charge">;
  readonly later?: (callback: () => void) => void;
}

const PROTOCOL: SocketProtocol<WatchMessage, WatchAnswer> = {
  bounds: {
    queue: { messagesMax: WATCH_MESSAGES_QUEUED_MAX, bytesMax: WATCH_QUEUED_BYTES_MAX },
    pace: { messages: WATCH_MESSAGE_RATE, bytes: WATCH_BYTE_RATE },
    admissionTimeoutMs: WATCH_AUTH_TIMEOUT_MS,
    pingEveryMs: WATCH_HEARTBEAT_MS,
    unheardMaxMs: WATCH_UNHEARD_MAX_MS,
    faultsMax: WATCH_FAULTS_MAX,
    unsentBytesMax: WATCH_UNSENT_BYTES_MAX,
    whenUnsent: "hold",
  },
  notAdmitted: {
    reason: "unauthenticated",
    closeCode: CLOSE_CODES.notAuthenticated,
    detail: `Send auth within ${WATCH_AUTH_TIMEOUT_MS / 1000} seconds.`,
    error: "unauthenticated",
  },
  read: (text) => readMessage(text, watchMessageSchema, "runId"),
  error: (code, message, runId) => ({ type: "error", runId, code, message }),
};

/** Serves one client that watches runs over a transport. */
export function openWatchSocket(
  transport: MessageTransport,
  deps: WatchSocketDeps,
): MessageSocket<WatchMessage, WatchAnswer> {
  const { clock, log, turns, later } = deps;
  const pace = later === undefined ? {} : { later };
  const socket = new MessageSocket({ transport, protocol: PROTOCOL, clock, log, turns, ...pace });
  socket.open(new WatchConnection(socket, deps));
  return socket;
}
