/**
 * One connection of a device, from its opening to its end.
 *
 * 1. A connection ends once, and takes everything back: its timers and its socket. After that it reports nothing, sends
 *    nothing and starts nothing, whatever comes late.
 * 2. A connection that is not registered in time ends.
 * 3. Silence is measured in heartbeats, not in time. A page in the background has its timers slowed, and must not take
 *    its own sleep for the gateway's silence.
 * 4. A token that expires is replaced on the open connection, so no call is interrupted. If there is no new one, the
 *    gateway closes the connection in time, and the next one begins with a new token.
 */
import { CLOSE_CODES, DEVICE_SUBPROTOCOL, type DeviceMessage, type GatewayMessage } from "@hsafa/protocol";
import { type ClientSocket, openClientSocket } from "./client-socket.ts";
import type { DeviceCalls } from "./device-calls.ts";
import type { DeviceMemory } from "./device-memory.ts";
import { type DeviceOptions, deviceUrlOf, registrationOf } from "./device-options.ts";
import { HsafaError } from "./error.ts";
import { REGISTER_TIMEOUT_MS, TOKEN_REFRESH_MIN_MS, TOKEN_REFRESH_SHARE, UNHEARD_HEARTBEATS_MAX } from "./limits.ts";
import { type TokenKeeper, tokenExpiresAt } from "./token.ts";

/** The close code for a connection that broke, as the WebSocket standard has it. */
const BROKEN = 1006;

/** What a connection needs, and the callbacks by which it reports. */
export interface DeviceConnectionDeps {
  readonly options: DeviceOptions;
  readonly tokens: TokenKeeper;
  /** The token of the connection before, if the gateway refused it. */
  readonly refusedToken: string | null;
  /** Opens the memory of calls, or returns the one that is open. */
  readonly openCalls: () => Promise<OpenCalls>;
  /** Whether the device takes no new call. */
  readonly isDraining: () => boolean;
  /** The gateway sends nothing new any more. */
  readonly onDraining: () => void;
  /** The gateway has taken the registration. */
  readonly onRegistered: (message: Extract<GatewayMessage, { type: "device.registered" }>) => void;
  /**
   * The connection has ended, other than by `end()`. `code`: that of the close frame, or 1006. `afterError`: before
   * that the gateway said that something failed there.
   */
  readonly onLost: (code: number, message: string, afterError: boolean) => void;
  /** Something went wrong that did not end the connection, or why it could not be opened. */
  readonly onError: (error: unknown) => void;
}

/** The calls of a device, with the key and the boot id of their memory. */
export interface OpenCalls extends Pick<DeviceMemory, "bootId"> {
  readonly deviceKey: string;
  readonly calls: DeviceCalls;
}

/** One connection of a device. */
export interface DeviceConnection {
  /** The token that this connection has used last; empty before it has one. */
  readonly token: string;
  /** Sends a text message. Does nothing unless the socket is open. */
  sendText(text: string): void;
  /** Closes the connection and reports nothing more. */
  end(): void;
}

/** Begins to connect at once. */
export function openDeviceConnection(deps: DeviceConnectionDeps): DeviceConnection {
  const { options, tokens, refusedToken, onError } = deps;
  const timers = new Set<ReturnType<typeof setTimeout>>();
  let socket: ClientSocket | null = null;
  let token = "";
  let unheardHeartbeats = 0;
  let hasFailedThere = false;
  let isOver = false;

  async function open(): Promise<void> {
    const { deviceKey, bootId, calls } = await deps.openCalls();
    const renewed = refusedToken === null ? null : await tokens.renew(refusedToken);
    token = renewed ?? (await tokens.current());
    // 1.
    if (isOver) return;
    socket = openClientSocket(deviceUrlOf(options), DEVICE_SUBPROTOCOL, options.WebSocket, {
      open: () =>
        send(registrationOf({ ...options, deviceKey, drains: deps.isDraining() || undefined }, token, bootId)),
      message(text) {
        try {
          receive(JSON.parse(text) as GatewayMessage, calls);
        } catch (error) {
          onError(error);
        }
      },
      close: lose,
    });
  }

  function receive(message: GatewayMessage, calls: DeviceCalls): void {
    unheardHeartbeats = 0;
    switch (message.type) {
      case "device.registered":
        clearTimers();
        deps.onRegistered(message);
        awaitHeartbeat(message.heartbeatMs, calls);
        planRenewal();
        return calls.resend();
      case "tool.call.request":
        return calls.request(message);
      case "tool.call.cancel":
        return calls.cancel(message.callId);
      case "tool.result.ack":
        return calls.acknowledge(message.callId);
      case "error":
        if (message.callId !== undefined) calls.refuse(message.callId, message.code);
        else if (message.code === "internal" || message.code === "unavailable") hasFailedThere = true;
        return onError(new HsafaError({ code: message.code, message: message.message }));
      case "device.draining":
        return deps.onDraining();
      case "device.pairing":
        return options.onPairing?.(message.code);
      case "pong":
        return;
      default:
        // A newer gateway may send what this client does not know.
        message satisfies never;
    }
  }

  /** 3. Browsers do not show WebSocket pings, so the device sends its own. */
  function awaitHeartbeat(heartbeatMs: number, calls: DeviceCalls): void {
    after(heartbeatMs, () => {
      if (unheardHeartbeats >= UNHEARD_HEARTBEATS_MAX) {
        return lose(CLOSE_CODES.heartbeatMissed, "The gateway fell silent.");
      }
      unheardHeartbeats += 1;
      send({ type: "ping" });
      // The store was away when an answer came, or its acknowledgement was lost.
      calls.resend();
      awaitHeartbeat(heartbeatMs, calls);
    });
  }

  /** 4. */
  function planRenewal(): void {
    const expiresAt = typeof options.token === "function" ? tokenExpiresAt(token) : null;
    if (expiresAt === null) return;
    const delayMs = Math.max(TOKEN_REFRESH_MIN_MS, (expiresAt - Date.now()) * TOKEN_REFRESH_SHARE);
    after(delayMs, () => void renewToken().catch(onError));
  }

  async function renewToken(): Promise<void> {
    const renewed = await tokens.renew(token);
    if (isOver || renewed === null) return;
    token = renewed;
    send({ type: "auth.refresh", token });
    planRenewal();
  }

  function sendText(text: string): void {
    socket?.send(text);
  }

  function send(message: DeviceMessage): void {
    sendText(JSON.stringify(message));
  }

  function after(delayMs: number, callback: () => void): void {
    // 1.
    if (isOver) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      callback();
    }, delayMs);
    timers.add(timer);
  }

  function clearTimers(): void {
    for (const timer of timers) clearTimeout(timer);
    timers.clear();
  }

  function end(): void {
    isOver = true;
    clearTimers();
    socket?.close();
  }

  function lose(code: number, message: string): void {
    // 1.
    if (isOver) return;
    end();
    deps.onLost(code, message, hasFailedThere);
  }

  // 2.
  after(REGISTER_TIMEOUT_MS, () => lose(BROKEN, "The gateway did not answer."));
  open().catch((error: unknown) => {
    onError(error);
    lose(BROKEN, "The connection did not open.");
  });
  return {
    get token() {
      return token;
    },
    sendText,
    end,
  };
}
