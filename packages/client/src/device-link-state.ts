import type { CLOSE_CODES } from "@hsafa/protocol";
import { backoffMs } from "./backoff.ts";

/**
 * Whether a device connects, waits or stops, as data; `device.ts` obeys. Pure: randomness is an argument.
 *
 * Only a registration proves that a connection is good. One that opens and dies counts as a failure.
 */
export type DeviceLinkState =
  /** `freshToken`: the last one was refused, so ask for another. */
  | { readonly kind: "connecting"; readonly failures: number; readonly freshToken: boolean }
  | { readonly kind: "online"; readonly deviceId: string; readonly sessionId: string; readonly heartbeatMs: number }
  | { readonly kind: "waiting"; readonly failures: number; readonly freshToken: boolean; readonly delayMs: number }
  | { readonly kind: "stopped"; readonly reason: DeviceStop };

/** Why a device will not connect again. */
export type DeviceStop =
  /** `close()` was called. */
  | { readonly kind: "closed" }
  /** Another connection took over this device key (a second tab, a second process), or the device was deleted. */
  | { readonly kind: "replaced"; readonly message: string }
  /** The gateway does not understand this client, or refuses what it registers. */
  | { readonly kind: "protocol_error"; readonly message: string }
  /** The token was refused, and there is nobody to ask for another. */
  | { readonly kind: "not_authenticated"; readonly message: string };

export type DeviceLinkInput =
  | { readonly kind: "registered"; readonly deviceId: string; readonly sessionId: string; readonly heartbeatMs: number }
  /** The socket is gone. `code` as in a close frame; 1006 when it broke. */
  | { readonly kind: "lost"; readonly code: number; readonly message: string; readonly mayRenewToken: boolean }
  | { readonly kind: "waited" }
  | { readonly kind: "close" };

const CLOSE = {
  protocolError: 4400,
  notAuthenticated: 4401,
  heartbeatMissed: 4408,
  replaced: 4409,
  goingAway: 1012,
} satisfies typeof CLOSE_CODES;

export function beginDeviceLink(): DeviceLinkState {
  return { kind: "waiting", failures: 0, freshToken: false, delayMs: 0 };
}

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
  { code, message, mayRenewToken }: Extract<DeviceLinkInput, { kind: "lost" }>,
  random: number,
): DeviceLinkState {
  if (code === CLOSE.replaced) return { kind: "stopped", reason: { kind: "replaced", message } };
  if (code === CLOSE.protocolError) return { kind: "stopped", reason: { kind: "protocol_error", message } };
  const isRefused = code === CLOSE.notAuthenticated;
  if (isRefused && !mayRenewToken) return { kind: "stopped", reason: { kind: "not_authenticated", message } };
  const failures = state.kind === "online" ? 0 : state.failures;
  // After a good connection there is no reason to wait: a token wore out, a gateway went away for another to take over.
  const isAtOnce = state.kind === "online" && (isRefused || code === CLOSE.goingAway);
  const delayMs = isAtOnce ? 0 : backoffMs(failures, random);
  return { kind: "waiting", failures: failures + 1, freshToken: isRefused, delayMs };
}
