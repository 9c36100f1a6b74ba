import type { DeviceTool } from "./device.ts";
import type { JsonValue } from "./json.ts";
import type { ToolError } from "./tool-call.ts";

/** The subprotocol of `WS /devices/connect`: JSON text messages, one object each. */
export const DEVICE_SUBPROTOCOL = "hsafa.device.v1";

/** The first message of a connection: what the device is and offers. */
export interface DeviceRegister {
  readonly type: "device.register";
  /** A key or token with the scope `devices:connect`. */
  readonly token: string;
  /** The device's own name for itself, unique in its tenant; in a browser, one per tab. */
  readonly deviceKey: string;
  /** The device's name for people. */
  readonly displayName?: string;
  /** `browser` is what tools with the target `browser` look for. */
  readonly platform?: string;
  /** What the device says about itself. Tools may ask for labels. */
  readonly labels?: Record<string, string>;
  readonly tools: DeviceTool[];
  /** Changes exactly when the device has lost its memory of results. */
  readonly bootId: string;
  /** Calls that the device takes at once; 16 if left out. */
  readonly maxInFlight?: number;
  /** Whether it takes no new call, as after `device.drain`. */
  readonly drains?: boolean;
}

/** The device takes no new call from now on. It finishes what it has in hand. */
export interface DeviceDrain {
  readonly type: "device.drain";
}

/** The device has begun to execute a call. */
export interface ToolAccepted {
  readonly type: "tool.accepted";
  readonly callId: string;
}

/** Progress of a call. Watchers may see it; it is never kept. */
export interface ToolProgress {
  readonly type: "tool.progress";
  readonly callId: string;
  readonly data: JsonValue;
}

/** The outcome of a call: exactly one of `result` and `error`. */
export interface ToolResult {
  readonly type: "tool.result";
  readonly callId: string;
  /** What the tool returned; `null` for a tool without a result. */
  readonly result?: JsonValue;
  readonly error?: ToolError;
}

/** A new token for an open connection, before the old one expires. */
export interface AuthRefresh {
  readonly type: "auth.refresh";
  readonly token: string;
}

/** Asks for a `pong`, for devices that cannot see WebSocket pings. */
export interface Ping {
  readonly type: "ping";
}

/** Any message from a device. */
export type DeviceMessage =
  | DeviceRegister
  | DeviceDrain
  | ToolAccepted
  | ToolProgress
  | ToolResult
  | AuthRefresh
  | Ping;

/** Any message from a gateway to a device. */
export type GatewayMessage =
  /** The device is connected. `heartbeatMs`: how often the gateway shows that it is alive, in milliseconds. */
  | {
      readonly type: "device.registered";
      readonly deviceId: string;
      readonly sessionId: string;
      readonly heartbeatMs: number;
    }
  /**
   * Somebody has to enter this code before the device gets calls. `expiresAt`: ISO 8601; another code comes then. With
   * `null` it was entered, and the device gets calls from now on.
   */
  | { readonly type: "device.pairing"; readonly code: string | null; readonly expiresAt: string | null }
  /** Execute this call. `attempt`: 1 for the first; `deadline`: ISO 8601, or `null` if there is none. */
  | {
      readonly type: "tool.call.request";
      readonly callId: string;
      readonly runId: string;
      /** The run that started this one, if it is a child. */
      readonly parentRunId?: string;
      readonly toolName: string;
      readonly args: JsonValue;
      readonly attempt: number;
      readonly deadline: string | null;
    }
  /** The result of this call is no longer wanted. */
  | { readonly type: "tool.call.cancel"; readonly callId: string }
  /** The result is durable. `duplicate`: it was taken before. */
  | { readonly type: "tool.result.ack"; readonly callId: string; readonly duplicate: boolean }
  /** No call comes any more that was not sent to this device before. */
  | { readonly type: "device.draining" }
  /** The response to a `ping`. */
  | { readonly type: "pong" }
  /** A message was not taken. `callId`: the call that the message was about. */
  | { readonly type: "error"; readonly code: string; readonly message: string; readonly callId?: string };
