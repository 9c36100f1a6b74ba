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
export class DeviceConnection {
  readonly #deps: DeviceConnectionDeps;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #socket: ClientSocket | null = null;
  #token = "";
  #unheardHeartbeats = 0;
  #hasFailedThere = false;
  #isOver = false;

  /** Begins to connect at once. */
  constructor(deps: DeviceConnectionDeps) {
    this.#deps = deps;
    // 2.
    this.#after(REGISTER_TIMEOUT_MS, () => this.#lose(BROKEN, "The gateway did not answer."));
    this.#open().catch((error: unknown) => {
      deps.onError(error);
      this.#lose(BROKEN, "The connection did not open.");
    });
  }

  /** The token that this connection has used last; empty before it has one. */
  get token(): string {
    return this.#token;
  }

  /** Sends a text message. Does nothing unless the socket is open. */
  sendText(text: string): void {
    this.#socket?.send(text);
  }

  /** Closes the connection and reports nothing more. */
  end(): void {
    this.#isOver = true;
    this.#clearTimers();
    this.#socket?.close();
  }

  async #open(): Promise<void> {
    const { options, tokens, refusedToken, openCalls, isDraining } = this.#deps;
    const { deviceKey, bootId, calls } = await openCalls();
    const renewed = refusedToken === null ? null : await tokens.renew(refusedToken);
    this.#token = renewed ?? (await tokens.current());
    // 1.
    if (this.#isOver) return;
    this.#socket = openClientSocket(deviceUrlOf(options), DEVICE_SUBPROTOCOL, options.WebSocket, {
      open: () =>
        this.#send(registrationOf({ ...options, deviceKey, drains: isDraining() || undefined }, this.#token, bootId)),
      message: (text) => {
        try {
          this.#receive(JSON.parse(text) as GatewayMessage, calls);
        } catch (error) {
          this.#deps.onError(error);
        }
      },
      close: (code, reason) => this.#lose(code, reason),
    });
  }

  #receive(message: GatewayMessage, calls: DeviceCalls): void {
    this.#unheardHeartbeats = 0;
    switch (message.type) {
      case "device.registered":
        this.#clearTimers();
        this.#deps.onRegistered(message);
        this.#awaitHeartbeat(message.heartbeatMs, calls);
        this.#planRenewal();
        return calls.resend();
      case "tool.call.request":
        return calls.request(message);
      case "tool.call.cancel":
        return calls.cancel(message.callId);
      case "tool.result.ack":
        return calls.acknowledge(message.callId);
      case "error":
        if (message.callId !== undefined) calls.refuse(message.callId, message.code);
        else if (message.code === "internal" || message.code === "unavailable") this.#hasFailedThere = true;
        return this.#deps.onError(new HsafaError({ code: message.code, message: message.message }));
      case "device.draining":
        return this.#deps.onDraining();
      case "device.pairing":
        return this.#deps.options.onPairing?.(message.code);
      case "pong":
        return;
      default:
        // A newer gateway may send what this client does not know.
        message satisfies never;
    }
  }

  /** 3. Browsers do not show WebSocket pings, so the device sends its own. */
  #awaitHeartbeat(heartbeatMs: number, calls: DeviceCalls): void {
    this.#after(heartbeatMs, () => {
      if (this.#unheardHeartbeats >= UNHEARD_HEARTBEATS_MAX) {
        return this.#lose(CLOSE_CODES.heartbeatMissed, "The gateway fell silent.");
      }
      this.#unheardHeartbeats += 1;
      this.#send({ type: "ping" });
      // The store was away when an answer came, or its acknowledgement was lost.
      calls.resend();
      this.#awaitHeartbeat(heartbeatMs, calls);
    });
  }

  /** 4. */
  #planRenewal(): void {
    const expiresAt = typeof this.#deps.options.token === "function" ? tokenExpiresAt(this.#token) : null;
    if (expiresAt === null) return;
    const delayMs = Math.max(TOKEN_REFRESH_MIN_MS, (expiresAt - Date.now()) * TOKEN_REFRESH_SHARE);
    this.#after(delayMs, () => void this.#renewToken().catch(this.#deps.onError));
  }

  async #renewToken(): Promise<void> {
    const renewed = await this.#deps.tokens.renew(this.#token);
    if (this.#isOver || renewed === null) return;
    this.#token = renewed;
    this.#send({ type: "auth.refresh", token: renewed });
    this.#planRenewal();
  }

  #send(message: DeviceMessage): void {
    this.sendText(JSON.stringify(message));
  }

  #after(delayMs: number, callback: () => void): void {
    // 1.
    if (this.#isOver) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      callback();
    }, delayMs);
    this.#timers.add(timer);
  }

  #clearTimers(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  #lose(code: number, message: string): void {
    // 1.
    if (this.#isOver) return;
    this.end();
    this.#deps.onLost(code, message, this.#hasFailedThere);
  }
}
