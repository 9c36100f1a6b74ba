import type { DEVICE_SUBPROTOCOL, DeviceRegister, GatewayMessage } from "@hsafa/protocol";
import { createDeviceCalls, type DeviceCalls, type DeviceTool } from "./device-calls.ts";
import {
  beginDeviceLink,
  type DeviceLinkInput,
  type DeviceLinkState,
  type DeviceStop,
  nextDeviceLinkState,
} from "./device-link-state.ts";
import { type DeviceStorage, openDeviceMemory } from "./device-memory.ts";
import { HsafaError } from "./error.ts";
import { randomId } from "./random-id.ts";
import { keepToken, type TokenSource, tokenExpiresAt } from "./token.ts";
import { openWebSocket, type WebSocketConstructor, type WebSocketLine } from "./web-socket.ts";

export interface DeviceOptions {
  /** Where the gateway is: `https://hsafa.example.com`. */
  readonly url: string;
  /** A key or token with the scope `devices:connect`. */
  readonly token: TokenSource;
  /** The device's own name for itself, unique in its tenant; in a browser, one per tab. */
  readonly deviceKey: string;
  readonly tools: Readonly<Record<string, DeviceTool>>;
  readonly displayName?: string;
  /** `browser` is what tools with target `browser` look for. */
  readonly platform?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Calls this device takes at once; 16 by default. */
  readonly maxInFlight?: number;
  /** Lets the memory of results outlive the process: `localStorage`, `AsyncStorage`, or your own. */
  readonly storage?: DeviceStorage;
  /** Another constructor than the global `WebSocket`. */
  readonly WebSocket?: WebSocketConstructor;
  /** Told of every change of the connection. */
  readonly onState?: (state: DeviceLinkState) => void;
  /**
   * Told of what went wrong without ending anything: a refused message, a token that could not be had, a storage that
   * failed.
   */
  readonly onError?: (error: unknown) => void;
}

/** A device that is, or is trying to be, connected. */
export interface Device {
  readonly state: DeviceLinkState;
  /** Resolves when the device is registered; rejects if it stops before. */
  whenOnline(): Promise<{ readonly deviceId: string; readonly sessionId: string }>;
  /** Resolves when the device has stopped for good, with the reason. Never rejects. */
  readonly stopped: Promise<DeviceStop>;
  /** Disconnects and aborts what is in progress. */
  close(): void;
}

const SUBPROTOCOL: typeof DEVICE_SUBPROTOCOL = "hsafa.device.v1";
/** How long a connection may take until it is registered. */
const REGISTER_TIMEOUT_MS = 15_000;
/** Heartbeats without any message after which the other side is taken for dead. */
const UNHEARD_BEATS_MAX = 2;
/** The share of a token's life after which a new one is asked for. */
const TOKEN_REFRESH_SHARE = 0.8;

/** What a connection holds while it lasts; closing takes everything back. */
interface Attempt {
  line: WebSocketLine | null;
  readonly timers: Set<ReturnType<typeof setTimeout>>;
  /** Since anything was heard. */
  unheardBeats: number;
  isOver: boolean;
}

/**
 * Offers tools to agents: connects, registers, executes calls once each, answers them, and comes back whenever the
 * connection is lost.
 */
export function createDevice(options: DeviceOptions): Device {
  const url = `${options.url.replace(/^http/, "ws").replace(/\/+$/, "")}/devices/connect`;
  const onError = options.onError ?? (() => {});
  const tokens = keepToken(options.token);
  const mayRenewToken = typeof options.token === "function";
  let token = "";
  let state = beginDeviceLink();
  let waitTimer: ReturnType<typeof setTimeout> | undefined;
  let attempt: Attempt | null = null;
  let opened: Promise<{ readonly bootId: string; readonly calls: DeviceCalls }> | null = null;
  let calls: DeviceCalls | null = null;
  const waiters = new Set<(state: DeviceLinkState) => void>();
  let settleStopped: (stop: DeviceStop) => void = () => {};
  const stopped = new Promise<DeviceStop>((resolve) => {
    settleStopped = resolve;
  });

  function tell(input: DeviceLinkInput): void {
    const next = nextDeviceLinkState(state, input, Math.random());
    if (next === state) return;
    state = next;
    clearTimeout(waitTimer);
    options.onState?.(state);
    for (const waiter of waiters) waiter(state);
    switch (next.kind) {
      case "connecting":
        return connect(next.freshToken);
      case "waiting":
        return wait(next.delayMs);
      case "stopped":
        calls?.abort();
        return settleStopped(next.reason);
      case "online":
        return;
      default:
        next satisfies never;
    }
  }

  function wait(delayMs: number): void {
    waitTimer = setTimeout(() => tell({ kind: "waited" }), delayMs);
  }

  /** The boot id lives as long as the memory of results does: as long as this object, or as the storage. */
  function remember(): Promise<{ readonly bootId: string; readonly calls: DeviceCalls }> {
    opened ??= openDeviceMemory({ deviceKey: options.deviceKey, storage: options.storage, newBootId: randomId }).then(
      (memory) => {
        const send = (text: string): void => {
          if (state.kind === "online") attempt?.line?.send(text);
        };
        calls = createDeviceCalls({ tools: options.tools, memory, send, onError, now: Date.now });
        return { bootId: memory.bootId, calls };
      },
    );
    opened.catch(() => {
      opened = null;
    });
    return opened;
  }

  function connect(freshToken: boolean): void {
    const mine: Attempt = { line: null, timers: new Set(), isOver: false, unheardBeats: 0 };
    attempt = mine;
    after(mine, REGISTER_TIMEOUT_MS, () => lose(mine, 1006, "The gateway did not answer in time."));
    open(mine, freshToken).catch((error: unknown) => {
      onError(error);
      lose(mine, 1006, "The connection could not be opened.");
    });
  }

  async function open(mine: Attempt, freshToken: boolean): Promise<void> {
    const { bootId } = await remember();
    token = (freshToken ? await tokens.renew(token) : null) ?? (await tokens.current());
    if (mine.isOver) return;
    mine.line = openWebSocket(url, SUBPROTOCOL, options.WebSocket, {
      open: () => register(mine, bootId),
      message: (text) => {
        try {
          hear(mine, JSON.parse(text) as GatewayMessage);
        } catch (error) {
          onError(error);
        }
      },
      close: (code, reason) => lose(mine, code, reason),
    });
  }

  function register(mine: Attempt, bootId: string): void {
    const { deviceKey, displayName, platform, labels, maxInFlight } = options;
    const tools = Object.entries(options.tools).map(([name, { description = "", inputSchema }]) => ({
      name,
      description,
      inputSchema,
    }));
    const message: DeviceRegister = {
      type: "device.register",
      token,
      deviceKey,
      displayName,
      platform,
      labels: labels === undefined ? undefined : { ...labels },
      tools,
      bootId,
      maxInFlight,
    };
    mine.line?.send(JSON.stringify(message));
  }

  function hear(mine: Attempt, message: GatewayMessage): void {
    mine.unheardBeats = 0;
    switch (message.type) {
      case "device.registered": {
        for (const timer of mine.timers) clearTimeout(timer);
        tell({ ...message, kind: "registered" });
        beat(mine, message.heartbeatMs);
        planRenewal(mine);
        calls?.resend();
        return;
      }
      case "tool.call.request":
        return calls?.request(message);
      case "tool.call.cancel":
        return calls?.cancel(message.callId);
      case "tool.result.ack":
        return calls?.acknowledge(message.callId);
      case "error":
        if (message.callId !== undefined) calls?.refuse(message.callId, message.code);
        return onError(new HsafaError({ code: message.code, message: message.message }));
      case "pong":
        return;
      default:
        // A newer gateway may say what this client does not know.
        message satisfies never;
    }
  }

  /**
   * Browsers show no WebSocket pings, so the device asks for itself. Beats are counted, not time: a page in the
   * background has its timers slowed, and must not take its own sleep for the gateway's silence.
   */
  function beat(mine: Attempt, heartbeatMs: number): void {
    after(mine, heartbeatMs, () => {
      if (mine.unheardBeats >= UNHEARD_BEATS_MAX)
        return lose(mine, 4408, "Nothing was heard from the gateway for too long.");
      mine.unheardBeats += 1;
      mine.line?.send(JSON.stringify({ type: "ping" }));
      // What was answered while the store was away, or whose acknowledgement was lost.
      calls?.resend();
      beat(mine, heartbeatMs);
    });
  }

  /** A token that wears out is replaced on the open connection, so that no call is interrupted. */
  function planRenewal(mine: Attempt): void {
    const expiresAt = mayRenewToken ? tokenExpiresAt(token) : null;
    if (expiresAt === null) return;
    const delayMs = Math.max(1000, (expiresAt - Date.now()) * TOKEN_REFRESH_SHARE);
    // Without a new one the gateway ends the connection in time, and the next begins with a new token.
    after(mine, delayMs, () => void renewToken(mine).catch(onError));
  }

  async function renewToken(mine: Attempt): Promise<void> {
    const renewed = await tokens.renew(token);
    if (mine.isOver || renewed === null) return;
    token = renewed;
    mine.line?.send(JSON.stringify({ type: "auth.refresh", token }));
    planRenewal(mine);
  }

  function after(mine: Attempt, delayMs: number, callback: () => void): void {
    const timer = setTimeout(() => {
      mine.timers.delete(timer);
      callback();
    }, delayMs);
    mine.timers.add(timer);
  }

  /** The connection is gone, or is given up. */
  function lose(mine: Attempt, code: number, message: string): void {
    if (mine.isOver) return;
    end(mine);
    tell({ kind: "lost", code, message, mayRenewToken });
  }

  function end(mine: Attempt): void {
    mine.isOver = true;
    for (const timer of mine.timers) clearTimeout(timer);
    mine.line?.close();
    if (attempt === mine) attempt = null;
  }

  // In a later turn, so that `onState` is not called before the caller has the device.
  wait(0);

  return {
    get state() {
      return state;
    },
    stopped,
    whenOnline: () =>
      new Promise((resolve, reject) => {
        const look = (now: DeviceLinkState): void => {
          if (now.kind !== "online" && now.kind !== "stopped") return;
          waiters.delete(look);
          if (now.kind === "online") resolve({ deviceId: now.deviceId, sessionId: now.sessionId });
          else
            reject(new HsafaError({ code: now.reason.kind, message: `The device has stopped: ${now.reason.kind}.` }));
        };
        waiters.add(look);
        look(state);
      }),
    close() {
      if (attempt !== null) end(attempt);
      tell({ kind: "close" });
    },
  };
}
