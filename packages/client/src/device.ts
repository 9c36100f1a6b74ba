import type { DeviceDrain } from "@hsafa/protocol";
import { createDeviceCalls, type DeviceCalls } from "./device-calls.ts";
import { DeviceConnection, type OpenCalls } from "./device-connection.ts";
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
import { keepToken, type TokenKeeper } from "./token.ts";

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

/**
 * Offers tools to agents. The device connects, registers, executes each call once, answers it, and comes back whenever
 * the connection is lost. Nothing is called before `createDevice` has returned.
 */
export function createDevice(options: DeviceOptions): Device {
  const runtime = new DeviceRuntime(options);
  // A plain object: its methods may be taken apart.
  return {
    get deviceKey() {
      return runtime.deviceKey;
    },
    get state() {
      return runtime.state;
    },
    stopped: runtime.stopped,
    whenOnline: () => runtime.whenOnline(),
    drain: () => runtime.drain(),
    close: () => runtime.close(),
  };
}

/** Obeys the state of the link: connects, waits or stops. */
class DeviceRuntime {
  readonly stopped: Promise<DeviceStop>;
  readonly #options: DeviceOptions;
  readonly #tokens: TokenKeeper;
  readonly #onError: (error: unknown) => void;
  readonly #settleStopped: (stop: DeviceStop) => void;
  readonly #listeners = new Set<(state: DeviceLinkState) => void>();
  #state = beginDeviceLink();
  #waitTimer: ReturnType<typeof setTimeout> | undefined;
  /** The latest connection; it may have ended. */
  #connection: DeviceConnection | null = null;
  #openCalls: Promise<OpenCalls> | null = null;
  #calls: DeviceCalls | null = null;
  /** `told`: the gateway knows that the device drains, and sends nothing new. */
  #drain: "no" | "asked" | "told" = "no";
  /** The key while it is held for this tab. */
  #key: HeldKey | null = null;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.#tokens = keepToken(options.token);
    this.#onError = options.onError ?? (() => {});
    let settleStopped: (stop: DeviceStop) => void = () => {};
    this.stopped = new Promise((resolve) => {
      settleStopped = resolve;
    });
    this.#settleStopped = settleStopped;
    // In a later turn, so that `onState` is not called before the caller has the device.
    this.#wait(0);
  }

  get state(): DeviceLinkState {
    return this.#state;
  }

  get deviceKey(): string {
    return this.#key?.deviceKey ?? this.#options.deviceKey;
  }

  whenOnline(): Promise<OnlineDevice> {
    return new Promise((resolve, reject) => {
      const look = (state: DeviceLinkState): void => {
        if (state.kind !== "online" && state.kind !== "stopped") return;
        this.#listeners.delete(look);
        if (state.kind === "online") return resolve({ deviceId: state.deviceId, sessionId: state.sessionId });
        const { reason } = state;
        const why = "message" in reason ? `${reason.kind} (${reason.message})` : reason.kind;
        reject(new HsafaError({ code: reason.kind, message: `The device has stopped: ${why}.` }));
      };
      this.#listeners.add(look);
      look(this.#state);
    });
  }

  drain(): Promise<DeviceStop> {
    if (this.#drain === "no") {
      this.#drain = "asked";
      if (this.#state.kind === "online") this.#sendDrain();
      // It may never have had a call, and need not come back to say so.
      else if (this.#calls?.isIdle !== false) this.close();
    }
    return this.stopped;
  }

  #sendDrain(): void {
    this.#connection?.sendText(JSON.stringify({ type: "device.drain" } satisfies DeviceDrain));
  }

  /** The gateway sends nothing new, and everything that it has sent is done. */
  #leaveIfDrained(): void {
    if (this.#drain === "told" && this.#calls?.isIdle === true) this.close();
  }

  close(): void {
    this.#connection?.end();
    this.#advance({ kind: "close" });
  }

  #advance(input: DeviceLinkInput): void {
    const next = nextDeviceLinkState(this.#state, input, Math.random());
    if (next === this.#state) return;
    this.#state = next;
    clearTimeout(this.#waitTimer);
    this.#options.onState?.(next);
    for (const listener of this.#listeners) listener(next);
    switch (next.kind) {
      case "connecting":
        return this.#connect(next.freshToken);
      case "waiting":
        return this.#wait(next.delayMs);
      case "stopped":
        this.#calls?.abort();
        this.#key?.release();
        return this.#settleStopped(next.reason);
      case "online":
        return;
      default:
        next satisfies never;
    }
  }

  #wait(delayMs: number): void {
    this.#waitTimer = setTimeout(() => this.#advance({ kind: "waited" }), delayMs);
  }

  #connect(freshToken: boolean): void {
    const mayRenewToken = typeof this.#options.token === "function";
    this.#connection = new DeviceConnection({
      options: this.#options,
      tokens: this.#tokens,
      refusedToken: freshToken ? (this.#connection?.token ?? null) : null,
      openCalls: () => this.#rememberCalls(),
      isDraining: () => this.#drain !== "no",
      onDraining: () => {
        this.#drain = "told";
        this.#leaveIfDrained();
      },
      onRegistered: (message) => {
        this.#advance({ ...message, kind: "registered" });
        // It may have been asked to drain after its registration had left.
        if (this.#drain !== "no") this.#sendDrain();
      },
      onLost: (code, message, afterError) => this.#advance({ kind: "lost", code, message, mayRenewToken, afterError }),
      onError: this.#onError,
    });
  }

  /** Opens the memory of calls once. It lives as long as this object, or as the storage. A failure is not kept. */
  #rememberCalls(): Promise<OpenCalls> {
    this.#openCalls ??= this.#openMemory().catch((error: unknown) => {
      this.#openCalls = null;
      throw error;
    });
    return this.#openCalls;
  }

  async #openMemory(): Promise<OpenCalls> {
    const { storage, tools } = this.#options;
    this.#key ??= await holdTabKey(this.#options.deviceKey);
    if (this.#state.kind === "stopped") this.#key.release();
    const { deviceKey } = this.#key;
    const memory = await openDeviceMemory({ deviceKey, storage, newBootId: randomId });
    const send = (text: string): void => {
      if (this.#state.kind === "online") this.#connection?.sendText(text);
    };
    const calls = createDeviceCalls({
      tools,
      memory,
      send,
      onError: this.#onError,
      onSettled: () => this.#leaveIfDrained(),
      now: Date.now,
    });
    this.#calls = calls;
    return { deviceKey, bootId: memory.bootId, calls };
  }
}
