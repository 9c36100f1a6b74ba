import type { DeviceDrain } from "@hsafa/protocol";
import { createDeviceCalls, type DeviceCalls } from "./device-calls.ts";
import { type DeviceConnection, type OpenCalls, openDeviceConnection } from "./device-connection.ts";
import {
  beginDeviceLink,
  type DeviceLinkInput,
  type DeviceLinkState,
  type DeviceStop,
  nextDeviceLinkState,
} from "./device-link-state.ts";
import { openDeviceMemory } from "./device-memory.ts";
import type { DeviceOptions } from "./device-options.ts";
import { HsafaError } from "./error.ts";
import { randomId } from "./random-id.ts";
import { type HeldKey, holdTabKey } from "./tab-key.ts";
import { keepToken } from "./token.ts";

/** A device that is connected, or tries to be. */
export interface Device {
  /**
   * The key that it registers with. In a duplicated browser tab it is not the one that was given, as soon as the device
   * connects.
   */
  readonly deviceKey: string;
  /** The state of the connection now. */
  readonly state: DeviceLinkState;
  /** Resolves when the device is registered. Rejects with an `HsafaError` if it stops before. */
  whenOnline(): Promise<OnlineDevice>;
  /** Resolves when the device has stopped for good, with the reason. Never rejects. */
  readonly stopped: Promise<DeviceStop>;
  /**
   * Takes no new call, finishes what it has in hand, delivers every answer, and then closes. Resolves when it has
   * stopped, for whatever reason. It waits for a gateway that is away; `close()` ends that.
   */
  drain(): Promise<DeviceStop>;
  /** Disconnects, and aborts what is in progress. */
  close(): void;
}

/** What a gateway calls a registered device and its connection. */
export interface OnlineDevice {
  readonly deviceId: string;
  readonly sessionId: string;
}

type Listeners = Set<(state: DeviceLinkState) => void>;

/**
 * Offers tools to agents. The device connects, registers, executes each call once, answers it, and comes back whenever
 * the connection is lost. Nothing is called before `createDevice` has returned.
 */
export function createDevice(options: DeviceOptions): Device {
  const tokens = keepToken(options.token);
  const onError = options.onError ?? ((): void => {});
  const listeners: Listeners = new Set();
  let state = beginDeviceLink();
  let waitTimer: ReturnType<typeof setTimeout> | undefined;
  /** The latest connection; it may have ended. */
  let connection: DeviceConnection | null = null;
  let openCalls: Promise<OpenCalls> | null = null;
  let calls: DeviceCalls | null = null;
  /** `told`: the gateway knows that the device drains, and sends nothing new. */
  let draining: "no" | "asked" | "told" = "no";
  /** The key while it is held for this tab. */
  let key: HeldKey | null = null;
  const stopped = new Promise<DeviceStop>((resolve) => {
    listeners.add((next) => {
      if (next.kind === "stopped") resolve(next.reason);
    });
  });

  /** Obeys the state of the link: connects, waits or stops. */
  function advance(input: DeviceLinkInput): void {
    const next = nextDeviceLinkState(state, input, Math.random());
    if (next === state) return;
    state = next;
    clearTimeout(waitTimer);
    options.onState?.(next);
    for (const listener of listeners) listener(next);
    switch (next.kind) {
      case "connecting":
        return connect(next.freshToken);
      case "waiting":
        return wait(next.delayMs);
      case "stopped":
        calls?.abort();
        return key?.release();
      case "online":
        return;
      default:
        next satisfies never;
    }
  }

  function wait(delayMs: number): void {
    waitTimer = setTimeout(() => advance({ kind: "waited" }), delayMs);
  }

  function connect(freshToken: boolean): void {
    const mayRenewToken = typeof options.token === "function";
    connection = openDeviceConnection({
      options,
      tokens,
      refusedToken: freshToken ? (connection?.token ?? null) : null,
      openCalls: rememberCalls,
      isDraining: () => draining !== "no",
      onDraining() {
        draining = "told";
        leaveIfDrained();
      },
      onRegistered(message) {
        advance({ ...message, kind: "registered" });
        // It may have been asked to drain after its registration had left.
        if (draining !== "no") sendDrain();
      },
      onLost: (code, message, afterError) => advance({ kind: "lost", code, message, mayRenewToken, afterError }),
      onError,
    });
  }

  /** Opens the memory of calls once. It lives as long as the device, or as the storage. A failure is not kept. */
  function rememberCalls(): Promise<OpenCalls> {
    openCalls ??= openMemory().catch((error: unknown) => {
      openCalls = null;
      throw error;
    });
    return openCalls;
  }

  async function openMemory(): Promise<OpenCalls> {
    key ??= await holdTabKey(options.deviceKey);
    if (state.kind === "stopped") key.release();
    const { deviceKey } = key;
    const memory = await openDeviceMemory({ deviceKey, storage: options.storage, newBootId: randomId });
    calls = createDeviceCalls({
      tools: options.tools,
      memory,
      send(text) {
        if (state.kind === "online") connection?.sendText(text);
      },
      onError,
      onSettled: leaveIfDrained,
      now: Date.now,
    });
    return { deviceKey, bootId: memory.bootId, calls };
  }

  function sendDrain(): void {
    connection?.sendText(JSON.stringify({ type: "device.drain" } satisfies DeviceDrain));
  }

  /** The gateway sends nothing new, and everything that it has sent is done. */
  function leaveIfDrained(): void {
    if (draining === "told" && calls?.isIdle === true) close();
  }

  function close(): void {
    connection?.end();
    advance({ kind: "close" });
  }

  // In a later turn, so that `onState` is not called before the caller has the device.
  wait(0);
  return {
    get deviceKey() {
      return key?.deviceKey ?? options.deviceKey;
    },
    get state() {
      return state;
    },
    stopped,
    whenOnline: () => onceOnline(state, listeners),
    drain() {
      if (draining === "no") {
        draining = "asked";
        if (state.kind === "online") sendDrain();
        // It may never have had a call, and need not come back to say so.
        else if (calls?.isIdle !== false) close();
      }
      return stopped;
    },
    close,
  };
}

/** Resolves when the link is online. Rejects with an `HsafaError` if it stops before. */
function onceOnline(current: DeviceLinkState, listeners: Listeners): Promise<OnlineDevice> {
  return new Promise((resolve, reject) => {
    const look = (state: DeviceLinkState): void => {
      if (state.kind !== "online" && state.kind !== "stopped") return;
      listeners.delete(look);
      if (state.kind === "online") return resolve({ deviceId: state.deviceId, sessionId: state.sessionId });
      const { reason } = state;
      const why = "message" in reason ? `${reason.kind} (${reason.message})` : reason.kind;
      reject(new HsafaError({ code: reason.kind, message: `The device has stopped: ${why}.` }));
    };
    listeners.add(look);
    look(current);
  });
}
