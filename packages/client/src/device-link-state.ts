import { CLOSE_CODES } from "@hsafa/protocol";
import { backoffMs } from "./backoff.ts";

/**
 * Whether a device connects, waits or stops, as data. `device.ts` obeys. Pure: randomness is an argument.
 *
 * A connection is good once it is registered. One that opens and dies counts as a failure.
 */
export type DeviceLinkState =
  /** Connect. `failures`: connections lost in a row; `freshToken`: the last token was refused, so ask for another. */
  | { readonly kind: "connecting"; readonly failures: number; readonly freshToken: boolean }
  /** Registered. `heartbeatMs`: how often the gateway shows that it is alive, in milliseconds. */
  | { readonly kind: "online"; readonly deviceId: string; readonly sessionId: string; readonly heartbeatMs: number }
  /** Wait for `delayMs` milliseconds, then connect. */
  | { readonly kind: "waiting"; readonly failures: number; readonly freshToken: boolean; readonly delayMs: number }
  /** The device will not connect again. */
  | { readonly kind: "stopped"; readonly reason: DeviceStop };

/** Why a device will not connect again. */
export type DeviceStop =
  /** `close()` was called. */
  | { readonly kind: "closed" }
  /** Another connection took over the device key (a second tab, a second process), or the device was deleted. */
  | { readonly kind: "replaced"; readonly message: string }
  /** The gateway does not understand this client, or refuses what it registers. */
  | { readonly kind: "protocol_error"; readonly message: string }
  /** The token was refused, and it is a fixed text. */
  | { readonly kind: "not_authenticated"; readonly message: string };

/** Something that happened to a device's connection. */
export type DeviceLinkInput =
  /** The gateway has taken the registration. */
  | { readonly kind: "registered"; readonly deviceId: string; readonly sessionId: string; readonly heartbeatMs: number }
  /**
   * The connection is gone. `code`: that of the close frame, or 1006 if it broke. `afterError`: before that the gateway
   * said that something failed there.
   */
  | {
      readonly kind: "lost";
      readonly code: number;
      readonly message: string;
      readonly mayRenewToken: boolean;
      readonly afterError: boolean;
    }
  /** The wait is over. */
  | { readonly kind: "waited" }
  /** The program closes the device. */
  | { readonly kind: "close" };

/** Returns the first state: connect at once. */
export function beginDeviceLink(): DeviceLinkState {
  return { kind: "waiting", failures: 0, freshToken: false, delayMs: 0 };
}

/** Returns the state that follows, or the same object if nothing changes. `random` is in [0, 1). */
export function nextDeviceLinkState(state: DeviceLinkState, input: DeviceLinkInput, random: number): DeviceLinkState {
  if (state.kind === "stopped") return state;
  switch (input.kind) {
    case "close":
      return { kind: "stopped", reason: { kind: "closed" } };
    case "registered": {
      const { deviceId, sessionId, heartbeatMs } = input;
      return { kind: "online", deviceId, sessionId, heartbeatMs };
    }
    case "waited":
      return state.kind === "waiting"
        ? { kind: "connecting", failures: state.failures, freshToken: state.freshToken }
        : state;
    case "lost":
      return afterLoss(state, input, random);
    default:
      return input satisfies never;
  }
}

function afterLoss(
  state: Exclude<DeviceLinkState, { kind: "stopped" }>,
  { code, message, mayRenewToken, afterError }: Extract<DeviceLinkInput, { kind: "lost" }>,
  random: number,
): DeviceLinkState {
  if (code === CLOSE_CODES.replaced) return { kind: "stopped", reason: { kind: "replaced", message } };
  if (code === CLOSE_CODES.protocolError) return { kind: "stopped", reason: { kind: "protocol_error", message } };
  const isRefused = code === CLOSE_CODES.notAuthenticated;
  if (isRefused && !mayRenewToken) return { kind: "stopped", reason: { kind: "not_authenticated", message } };
  const failures = state.kind === "online" ? 0 : state.failures;
  // After a good connection there is no reason to wait: a token has expired, or another gateway takes over. But a
  // message that fails at the gateway is sent again, and may fail again.
  const isAtOnce = state.kind === "online" && (isRefused || (code === CLOSE_CODES.goingAway && !afterError));
  const delayMs = isAtOnce ? 0 : backoffMs(failures, random);
  return { kind: "waiting", failures: failures + 1, freshToken: isRefused, delayMs };
}
