import type { DeviceMessage, DeviceRegister, GatewayMessage } from "@hsafa/protocol";
import type { DeviceHandler, DeviceServer } from "../../src/devices/device-server.ts";
import type { DeviceSocket } from "../../src/devices/device-socket.ts";
import type { MessageTransport } from "../../src/edge/socket/message-transport.ts";
import type { Bell } from "../../src/ports/bell.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { type Store, StoreUnavailable } from "../../src/ports/store.ts";
import type { Plant } from "./plants.ts";

/** Bugs of one gateway's device server and of its sockets, planted around them: at its ports and at its connections. */
export interface DevicePlants {
  store(store: Store): Store;
  bell(bell: Bell): Bell;
  connection(params: ConnectionParts): ConnectionParts;
}

/** What a device's socket is opened with. */
export interface ConnectionParts {
  readonly transport: MessageTransport;
  readonly devices: DeviceServer;
  readonly clock: Clock;
}

export function devicePlantsOf(plant: Plant | null): DevicePlants {
  const looks = new LooksWithoutPoll();
  return {
    store: (store) => {
      if (plant === "poll_never_looks") return looks.store(store);
      if (plant === "takeover_by_registration") return takingEachRegistrationForHeard(store);
      return plant === "closer_never_retries" ? withoutFailedEnds(store) : store;
    },
    bell: (bell) => (plant === "poll_never_looks" ? looks.bell(bell) : bell),
    connection: (parts) => plantedConnection(plant, parts),
  };
}

/** A device server that looks at calls only when it was rung, or when it has news itself. Its poll does nothing. */
class LooksWithoutPoll {
  #isAsked = false;
  readonly #deviceKeys = new Set<string>();

  bell(bell: Bell): Bell {
    return {
      ...bell,
      listen: (listener) =>
        bell.listen((ring) => {
          // A ring about nobody here brings no look.
          if (ring.about === "device" && (ring.deviceKey === null || this.#deviceKeys.has(ring.deviceKey)))
            this.#isAsked = true;
          listener(ring);
        }),
    };
  }

  store(store: Store): Store {
    return {
      ...store,
      fleet: {
        ...store.fleet,
        readOpenCalls: (params) => {
          if (!this.#isAsked) return Promise.reject(new StoreUnavailable("nobody has rung"));
          this.#isAsked = false;
          return store.fleet.readOpenCalls(params);
        },
      },
      forTenant: (tenantId) => {
        const tenant = store.forTenant(tenantId);
        return {
          ...tenant,
          registerDevices: (registrations) => {
            for (const { deviceKey } of registrations) this.#deviceKeys.add(deviceKey);
            return this.#asking(tenant.registerDevices(registrations));
          },
          submitToolResult: (params) => this.#asking(tenant.submitToolResult(params)),
        };
      },
    };
  }

  async #asking<T>(statement: Promise<T>): Promise<T> {
    const outcome = await statement;
    this.#isAsked = true;
    return outcome;
  }
}

/** The end of a session that the store could not be told of counts as told. */
function withoutFailedEnds(store: Store): Store {
  return {
    ...store,
    forTenant: (tenantId) => {
      const tenant = store.forTenant(tenantId);
      return {
        ...tenant,
        endDeviceSession: (params) =>
          tenant.endDeviceSession(params).catch((error: unknown) => {
            if (!(error instanceof StoreUnavailable)) throw error;
          }),
      };
    },
  };
}

/** A connection that replaced another counts as heard, although its registration may have come late. */
function takingEachRegistrationForHeard(store: Store): Store {
  return {
    ...store,
    forTenant: (tenantId) => {
      const tenant = store.forTenant(tenantId);
      return {
        ...tenant,
        async readSessionStanding(params) {
          const standing = await tenant.readSessionStanding(params);
          return standing === "contested" ? "taken_over" : standing;
        },
      };
    },
  };
}

function plantedConnection(plant: Plant | null, parts: ConnectionParts): ConnectionParts {
  const { transport, devices } = parts;
  switch (plant) {
    case "never_unheard":
      return { ...parts, transport: answeringItself(transport) };
    case "count_own_freeze":
      return { ...parts, clock: catchingUp(parts.clock) };
    case "drop_while_busy":
      return droppingWhileBusy(parts);
    case "ack_what_was_refused":
      return {
        ...parts,
        devices: sending(devices, (message) => (isRefusedForNow(message) ? ackOf(message) : message)),
      };
    case "same_boot":
    case "handle_at_once":
    case "ack_before_taken":
    case "keep_ended_session":
    case "register_twice":
      return { ...parts, devices: handling(devices, plant) };
    default:
      return parts;
  }
}

/** A transport that takes each ping for answered, so that nobody is ever unheard. */
function answeringItself(transport: MessageTransport): MessageTransport {
  let answer = (): void => {};
  return {
    ...transport,
    open(events) {
      answer = () => events.bytes(0);
      transport.open(events);
    },
    ping: () => answer(),
  };
}

/** A clock on which a timer that is late is late in time too: its owner lives through every moment that it missed. */
function catchingUp(clock: Clock): Clock {
  let behindMs = 0;
  const monotonic = (): number => clock.monotonic() - behindMs;
  return {
    ...clock,
    monotonic,
    after(delayMs, callback) {
      const dueAt = monotonic() + delayMs;
      let isCancelled = false;
      const fire = (): void => {
        if (isCancelled) return;
        behindMs = Math.max(0, clock.monotonic() - dueAt);
        callback();
      };
      const inMs = dueAt - clock.monotonic();
      if (inMs > 0) return clock.after(inMs, fire);
      queueMicrotask(fire);
      return () => {
        isCancelled = true;
      };
    },
  };
}

/** A connection that has no queue: what comes while a message is handled is lost. */
function droppingWhileBusy(parts: ConnectionParts): ConnectionParts {
  const { transport, devices } = parts;
  let isBusy = false;
  return {
    ...parts,
    transport: {
      ...transport,
      open: (events) =>
        transport.open({
          ...events,
          text: (text, byteLength) => {
            if (!isBusy) events.text(text, byteLength);
          },
        }),
    },
    devices: {
      ...devices,
      connect(socket) {
        const handler = devices.connect(socket);
        return {
          ...handler,
          async handle(message) {
            isBusy = true;
            await handler.handle(message);
            isBusy = false;
          },
        };
      },
    },
  };
}

/** A device server whose messages to devices are changed on their way to the socket. */
function sending(devices: DeviceServer, change: (message: GatewayMessage) => GatewayMessage): DeviceServer {
  return {
    ...devices,
    connect: (socket) => devices.connect({ ...socket, send: (message) => socket.send(change(message)) }),
  };
}

function isRefusedForNow(message: GatewayMessage): message is Extract<GatewayMessage, { type: "error" }> {
  return message.type === "error" && (message.code === "unavailable" || message.code === "too_many_requests");
}

function ackOf(message: GatewayMessage): GatewayMessage {
  const callId = "callId" in message ? message.callId : undefined;
  return callId === undefined ? message : { type: "tool.result.ack", callId, duplicate: false };
}

type HandlerPlant = Extract<
  Plant,
  "same_boot" | "handle_at_once" | "ack_before_taken" | "keep_ended_session" | "register_twice"
>;

/** A device server that takes what sockets hand over otherwise than it should. */
function handling(devices: DeviceServer, plant: HandlerPlant): DeviceServer {
  return { ...devices, connect: (socket) => plantedHandler(devices, plant, socket) };
}

function plantedHandler(devices: DeviceServer, plant: HandlerPlant, socket: DeviceSocket): DeviceHandler {
  switch (plant) {
    case "same_boot": {
      const handler = devices.connect(socket);
      return { ...handler, handle: (message) => handler.handle(withBoot(message, "the same")) };
    }
    case "handle_at_once": {
      const handler = devices.connect(socket);
      return { ...handler, handle: async (message) => void handler.handle(message) };
    }
    case "ack_before_taken": {
      const send = (message: GatewayMessage): void => {
        if (message.type !== "tool.result.ack") socket.send(message);
      };
      const handler = devices.connect({ ...socket, send });
      return {
        ...handler,
        handle(message) {
          if (message.type === "tool.result")
            socket.send({ type: "tool.result.ack", callId: message.callId, duplicate: false });
          return handler.handle(message);
        },
      };
    }
    case "keep_ended_session":
      return { ...devices.connect(socket), ended: () => {} };
    case "register_twice": {
      let handler = devices.connect(socket);
      let isRegistered = false;
      return {
        async handle(message) {
          if (message.type === "device.register" && isRegistered) handler = devices.connect(socket);
          isRegistered ||= message.type === "device.register";
          await handler.handle(message);
        },
        confirmed: () => handler.confirmed(),
        ended: (reason) => handler.ended(reason),
      };
    }
    default:
      return plant satisfies never;
  }
}

function withBoot(message: DeviceMessage, bootId: string): DeviceMessage {
  return message.type === "device.register" ? ({ ...message, bootId } satisfies DeviceRegister) : message;
}
