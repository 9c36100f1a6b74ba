import {
  CLOSE_CODES,
  type DeviceMessage,
  type DeviceRegister,
  type ErrorCode,
  type GatewayMessage,
} from "@hsafa/protocol";
import { WebSocket } from "ws";
import { admit } from "../../access/admit.ts";
import type { Authenticate } from "../../access/authenticate.ts";
import type { ToolResults } from "../../devices/tool-results.ts";
import type { DeviceDispatch } from "../../devices/device-dispatch.ts";
import type { SessionCloser } from "../../devices/session-closer.ts";
import { createDeviceProgress } from "../../devices/device-progress.ts";
import { deviceRequirement, registerDevice } from "../../devices/device-registration.ts";
import type { DeviceSession } from "../../devices/device-session.ts";
import type { Principal } from "../../access/principal.ts";
import {
  DEVICE_FAULTS_MAX,
  DEVICE_HEARTBEAT_MS,
  DEVICE_REGISTER_TIMEOUT_MS,
  DEVICE_UNHEARD_MAX_MS,
} from "../../devices/limits.ts";
import {
  DEVICE_MESSAGES_QUEUED_MAX,
  DEVICE_QUEUED_BYTES_MAX,
  DEVICE_REGISTER_BYTES_MAX,
  DEVICE_UNSENT_BYTES_MAX,
} from "../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LiveLog } from "../../ports/live-log.ts";
import type { Store } from "../../ports/store.ts";
import { readDeviceMessage } from "./device-message.ts";

export interface DeviceConnectionDeps {
  readonly gatewayId: string;
  readonly authenticate: Authenticate;
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly clock: Clock;
  readonly dispatch: DeviceDispatch;
  readonly answers: ToolResults;
  readonly endings: SessionCloser;
  readonly onTrouble: (what: string, error: unknown) => void;
}

/**
 * One device's socket. It owns parsing, order, bounds, heartbeat and close codes; what messages mean is decided in
 * `control`.
 */
export interface DeviceConnection {
  /** Called about every second with the time that has passed: pings, and drops a device that went silent. */
  checkAlive(elapsedMs: number): void;
  /** Told of all bytes that come in, whole messages or not: any of them shows that the device is there. */
  hear(bytes: number): void;
  /** Tells the device that this gateway is going away. */
  goAway(): void;
  /** Resolves when no message is being handled any more and the socket is closed. */
  closed: Promise<void>;
}

type Phase =
  | { readonly kind: "unregistered" }
  | {
      readonly kind: "registered";
      readonly session: DeviceSession;
      readonly report: ReturnType<typeof createDeviceProgress>;
      /** Takes the timer back that ends the connection when the token has worn out. */
      readonly forgetExpiry: () => void;
    }
  | { readonly kind: "ended" };

type Registered = Extract<Phase, { kind: "registered" }>;

export function openDeviceConnection(socket: WebSocket, deps: DeviceConnectionDeps): DeviceConnection {
  let phase: Phase = { kind: "unregistered" };
  const queue: string[] = [];
  let queuedBytes = 0;
  let handling = false;
  let isPaused = false;
  let unregisteredBytes = 0;
  let unheardMs = 0;
  let sincePingMs = 0;
  let faults = 0;
  const { promise: closed, resolve: settleClosed } = Promise.withResolvers<void>();

  socket.on("message", (data: Buffer, isBinary) => {
    if (phase.kind === "ended") return;
    if (isBinary) return fault("invalid_request", "Messages are JSON in text frames, not binary.");
    if (phase.kind === "unregistered" && data.length > DEVICE_REGISTER_BYTES_MAX) return refuseLength();
    queue.push(data.toString("utf8"));
    queuedBytes += data.length;
    if (handling) holdBack();
    else void handleQueue();
  });
  // What goes wrong with the socket (a message above the bound, a reset) closes it, and `close` follows.
  socket.on("error", () => {});
  socket.on("close", () => {
    end("disconnected");
    if (!handling) settleClosed();
  });

  /** One at a time and in order: a device's messages mean what they mean in the order it said them. */
  async function handleQueue(): Promise<void> {
    handling = true;
    try {
      for (;;) {
        holdBack();
        const text = queue.shift();
        if (text === undefined || phase.kind === "ended") break;
        queuedBytes -= Buffer.byteLength(text);
        await handle(text);
      }
    } catch (error) {
      deps.onTrouble("handling a device's message failed", error);
      end("internal_error", 1011, "Something went wrong here.");
    } finally {
      handling = false;
      holdBack();
      if (socket.readyState === WebSocket.CLOSED) settleClosed();
    }
  }

  /** Reads no more from a device that is ahead of us, or of whom we do not know yet who it is. */
  function holdBack(): void {
    const isAhead = queue.length >= DEVICE_MESSAGES_QUEUED_MAX || queuedBytes >= DEVICE_QUEUED_BYTES_MAX;
    const pause = phase.kind !== "ended" && (isAhead || (phase.kind === "unregistered" && handling));
    if (pause === isPaused) return;
    isPaused = pause;
    if (pause) socket.pause();
    else socket.resume();
  }

  async function handle(text: string): Promise<void> {
    const read = readDeviceMessage(text);
    if (read.kind === "invalid") return fault("invalid_request", read.reason, read.callId);
    if (phase.kind === "registered") return handleRegistered(phase, read.message);
    if (phase.kind === "ended") return;
    if (read.message.type !== "device.register")
      return fault("invalid_request", "The first message must be device.register.");
    return register(read.message);
  }

  async function register(message: DeviceRegister): Promise<void> {
    const registration = await registerDevice(deps, message);
    switch (registration.kind) {
      case "registered": {
        const { principal, deviceId, sessionId, maxInFlight } = registration;
        const { tenantId } = principal;
        // The socket may have closed meanwhile: nobody else knows of the session.
        if (phase.kind === "ended") return deps.endings.end({ tenantId, sessionId, reason: "disconnected" });
        const { deviceKey, bootId } = message;
        const session = {
          tenantId,
          deviceKey,
          deviceId,
          sessionId,
          bootId,
          maxInFlight,
          sent: new Map(),
          socket: { send, end: endAs },
        };
        const report = createDeviceProgress(deps, session);
        phase = { kind: "registered", session, report, forgetExpiry: watchExpiry(principal) };
        send({ type: "device.registered", deviceId, sessionId, heartbeatMs: DEVICE_HEARTBEAT_MS });
        deps.dispatch.add(session);
        return;
      }
      case "invalid":
        return fault("invalid_request", registration.detail);
      case "refused":
        return refuseToken(registration.code, registration.detail);
      default:
        registration satisfies never;
    }
  }

  async function handleRegistered(registered: Registered, message: DeviceMessage): Promise<void> {
    const { session } = registered;
    switch (message.type) {
      case "ping":
        return send({ type: "pong" });
      case "auth.refresh":
        return refresh(registered, message.token);
      case "tool.accepted":
        return deps.answers.accepted(session, message.callId);
      case "tool.progress":
        // Too much of it is left out without a word; a message that can never pass is a fault of whoever wrote the
        // tool.
        if (registered.report(message) === "too_large") {
          sendError("payload_too_large", "The progress is too large and was left out.", message.callId);
        }
        return;
      case "tool.result": {
        const taken = await deps.answers.take(session, message);
        if (taken.kind === "refused") return sendError(taken.code, taken.detail, message.callId);
        return send({ type: "tool.result.ack", callId: message.callId, duplicate: taken.duplicate });
      }
      case "device.register":
        return fault("invalid_request", "This connection is registered already; open another one to register anew.");
      default:
        message satisfies never;
    }
  }

  async function refresh(registered: Registered, token: string): Promise<void> {
    const { session } = registered;
    const admission = await admit(deps, token, deviceRequirement(session.deviceKey));
    if (phase !== registered) return;
    if (admission.kind === "refused") {
      return admission.code === "unavailable"
        ? sendError("unavailable", "The token could not be checked; send it again.")
        : refuseToken(admission.code, admission.detail);
    }
    if (admission.principal.tenantId !== session.tenantId) {
      return refuseToken("forbidden", "The token belongs elsewhere than the one this connection began with.");
    }
    registered.forgetExpiry();
    phase = { ...registered, forgetExpiry: watchExpiry(admission.principal) };
  }

  function watchExpiry(principal: Principal): () => void {
    if (principal.expiresAt === undefined) return () => {};
    return deps.clock.after(Math.max(0, principal.expiresAt - deps.clock.now()), () => {
      refuseToken("unauthenticated", "The token has expired; get a new one.");
    });
  }

  function refuseToken(code: ErrorCode, reason: string): void {
    sendError(code, reason);
    end(code, code === "unavailable" ? CLOSE_CODES.goingAway : CLOSE_CODES.notAuthenticated, reason);
  }

  function refuseLength(): void {
    fault("payload_too_large", `The first message must not be longer than ${DEVICE_REGISTER_BYTES_MAX} bytes.`);
  }

  /**
   * What is not this protocol: the end before registration, a word after it, and the end again when it does not stop.
   */
  function fault(code: ErrorCode, reason: string, callId?: string): void {
    if (phase.kind === "ended") return;
    faults += 1;
    sendError(code, reason, callId);
    if (phase.kind === "unregistered" || faults > DEVICE_FAULTS_MAX) {
      end("protocol_error", CLOSE_CODES.protocolError, reason);
    }
  }

  function sendError(code: ErrorCode, message: string, callId?: string): void {
    send({ type: "error", code, message, callId });
  }

  function send(message: GatewayMessage): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > DEVICE_UNSENT_BYTES_MAX) {
      return end("not_reading", CLOSE_CODES.heartbeatMissed, "The device does not read what it is sent.");
    }
    // A failed write closes the socket, and `close` follows.
    socket.send(JSON.stringify(message), () => {});
  }

  function endAs(why: "replaced" | "swept"): void {
    if (why === "replaced") end("replaced", CLOSE_CODES.replaced, "Another connection with this device key took over.");
    else end("swept", CLOSE_CODES.goingAway, "This gateway was given up; connect again.");
  }

  /** The one way out. Without a code the socket is closed already. */
  function end(reason: string, code?: number, text = ""): void {
    if (phase.kind === "ended") return;
    const before = phase;
    phase = { kind: "ended" };
    queue.length = 0;
    queuedBytes = 0;
    // Also lets a paused socket read the other side's close frame.
    holdBack();
    if (code !== undefined) socket.close(code, closeReason(text));
    if (before.kind !== "registered") return;
    const { tenantId, sessionId } = before.session;
    before.forgetExpiry();
    deps.dispatch.remove(before.session);
    deps.endings.end({ tenantId, sessionId, reason });
  }

  return {
    closed,
    checkAlive(elapsedMs) {
      // Nothing is heard from a socket that we do not read.
      if (phase.kind === "ended" || isPaused) return;
      unheardMs += elapsedMs;
      sincePingMs += elapsedMs;
      const unheardMaxMs = phase.kind === "registered" ? DEVICE_UNHEARD_MAX_MS : DEVICE_REGISTER_TIMEOUT_MS;
      if (unheardMs >= unheardMaxMs)
        return end("heartbeat_missed", CLOSE_CODES.heartbeatMissed, "Nothing was heard for too long.");
      if (sincePingMs < DEVICE_HEARTBEAT_MS) return;
      sincePingMs = 0;
      if (phase.kind === "registered") socket.ping();
    },
    hear(bytes) {
      if (phase.kind === "registered") unheardMs = 0;
      if (phase.kind !== "unregistered" || handling) return;
      // The server library bounds a message by what a registered device may say; a stranger is stopped on the way
      // there.
      unregisteredBytes += bytes;
      if (unregisteredBytes > DEVICE_REGISTER_BYTES_MAX) refuseLength();
    },
    goAway() {
      end("gateway_stopped", CLOSE_CODES.goingAway, "The gateway is going away; connect again.");
    },
  };
}

/** A close frame holds 123 bytes of text; plain characters, so that none is cut in the middle. */
function closeReason(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 123);
}
