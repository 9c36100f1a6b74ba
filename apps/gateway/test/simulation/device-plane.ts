import { CLOSE_CODES, type DeviceMessage, type GatewayMessage } from "@hsafa/protocol";
import { createToolResults } from "../../src/devices/tool-results.ts";
import { DeviceDispatch } from "../../src/devices/device-dispatch.ts";
import { SessionCloser } from "../../src/devices/session-closer.ts";
import { registerDevice } from "../../src/devices/device-registration.ts";
import type { DeviceSession } from "../../src/devices/device-session.ts";
import type { Principal } from "../../src/access/principal.ts";
import { DEVICE_POLL_MS } from "../../src/devices/limits.ts";
import { DEVICE_UNHEARD_MAX_MS } from "../../src/edge/limits.ts";
import type { Bell } from "../../src/ports/bell.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Machine } from "./machine.ts";
import type { Plant } from "./plants.ts";
import type { Recorder } from "./recorder.ts";

/** The device's side of a connection, as the gateway reaches it. */
export interface DeviceEnd {
  /** Whether what one side sends reaches the other. */
  isIntact(): boolean;
  receive(message: GatewayMessage): void;
  closed(code: number): void;
}

export interface DeviceConnection {
  message(message: DeviceMessage): void;
  /** The socket closed. */
  close(): void;
}

export interface SimulatedDevicePlane {
  start(): void;
  connect(end: DeviceEnd): DeviceConnection;
  close(): Promise<void>;
}

/**
 * Stands for the sockets of `edge/device`: the real control part of the device plane, with messages handled one at a
 * time.
 */
export function createDevicePlane(deps: {
  readonly gatewayId: string;
  readonly principal: Principal;
  readonly store: Store;
  readonly bell: Bell;
  readonly machine: Machine;
  readonly recorder: Recorder;
  readonly plant: Plant | null;
}): SimulatedDevicePlane {
  const { bell, machine, recorder, principal, plant } = deps;
  const onTrouble = (what: string, error: unknown): void => recorder.fail("bug", `${what}: ${String(error)}`);
  const log = {
    debug() {},
    info() {},
    warn() {},
    error: (fields: object, what: string) => onTrouble(what, "err" in fields ? fields.err : null),
  };
  const dispatch = new DeviceDispatch({ ...deps, log });
  const endings = new SessionCloser({ ...deps, log });
  const answers = createToolResults({ ...deps, dispatch });
  const authenticate = async () => ({ kind: "authenticated" as const, principal });
  const connections = new Set<{ beat(): void; end(reason: string, code: number | null): void }>();
  let isClosing = false;
  let stop = (): void => {};

  function tick(): void {
    for (const connection of connections) connection.beat();
    endings.retry();
    dispatch.look();
    stop = machine.clock.after(DEVICE_POLL_MS, tick);
  }

  function connect(end: DeviceEnd): DeviceConnection {
    let session: DeviceSession | null = null;
    let isOver = false;
    let unheardMs = 0;
    const queue: DeviceMessage[] = [];
    let isHandling = false;

    const send = (message: GatewayMessage): void => {
      if (!isOver && machine.mayAct()) end.receive(message);
    };

    function over(reason: string, code: number | null): void {
      if (isOver) return;
      isOver = true;
      connections.delete(connection);
      if (code !== null && machine.mayAct()) end.closed(code);
      if (session === null) return;
      dispatch.remove(session);
      endings.end({ tenantId: session.tenantId, sessionId: session.sessionId, reason });
    }

    async function handleQueue(): Promise<void> {
      isHandling = true;
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
        try {
          if (!isOver) await handle(message);
        } catch (error) {
          onTrouble("handling a device's message failed", error);
        }
      }
      isHandling = false;
    }

    async function handle(message: DeviceMessage): Promise<void> {
      if (message.type === "device.register") return register(message);
      if (session === null) return;
      if (message.type === "tool.accepted") return answers.accepted(session, message.callId);
      if (message.type !== "tool.result") return;
      const { callId } = message;
      const taken = await answers.take(session, message);
      if (taken.kind === "refused") send({ type: "error", code: taken.code, message: taken.detail, callId });
      else send({ type: "tool.result.ack", callId, duplicate: taken.duplicate });
    }

    async function register(said: Extract<DeviceMessage, { type: "device.register" }>): Promise<void> {
      const message = plant === "same_boot" ? { ...said, bootId: "the same" } : said;
      const registration = await registerDevice({ ...deps, authenticate }, message);
      if (registration.kind !== "registered") return over(registration.kind, CLOSE_CODES.goingAway);
      const { deviceId, sessionId, maxInFlight } = registration;
      const { tenantId } = principal;
      if (isOver) return endings.end({ tenantId, sessionId, reason: "disconnected" });
      const socket = {
        send,
        end: (why: "replaced" | "swept") =>
          over(why, why === "replaced" ? CLOSE_CODES.replaced : CLOSE_CODES.goingAway),
      };
      const { deviceKey, bootId } = message;
      session = { tenantId, deviceKey, deviceId, sessionId, bootId, maxInFlight, sent: new Map(), socket: socket };
      send({ type: "device.registered", deviceId, sessionId, heartbeatMs: DEVICE_POLL_MS });
      dispatch.add(session);
    }

    const connection = {
      end: over,
      beat() {
        unheardMs = end.isIntact() ? 0 : unheardMs + DEVICE_POLL_MS;
        if (unheardMs >= DEVICE_UNHEARD_MAX_MS) over("heartbeat_missed", CLOSE_CODES.heartbeatMissed);
      },
    };
    connections.add(connection);
    if (isClosing) over("gateway_stopped", CLOSE_CODES.goingAway);
    return {
      message(message) {
        queue.push(message);
        if (!isHandling) void handleQueue();
      },
      close: () => over("disconnected", null),
    };
  }

  return {
    start() {
      bell.listen((ring) => dispatch.hear(ring));
      stop = machine.clock.after(DEVICE_POLL_MS, tick);
    },
    connect,
    async close() {
      isClosing = true;
      stop();
      for (const connection of connections) connection.end("gateway_stopped", CLOSE_CODES.goingAway);
      await dispatch.settle();
      await endings.settle();
    },
  };
}
