import { expect, test } from "vitest";
import {
  beginDeviceLink,
  type DeviceLinkInput,
  type DeviceLinkState,
  nextDeviceLinkState,
} from "./device-link-state.ts";

const REGISTERED: DeviceLinkInput = { kind: "registered", deviceId: "d", sessionId: "s", heartbeatMs: 10_000 };
const WAITED: DeviceLinkInput = { kind: "waited" };

function lost(code: number, mayRenewToken = true, afterError = false): DeviceLinkInput {
  return { kind: "lost", code, message: "because", mayRenewToken, afterError };
}

function after(...inputs: DeviceLinkInput[]): DeviceLinkState {
  return inputs.reduce((state, input) => nextDeviceLinkState(state, input, 0.5), beginDeviceLink());
}

function delayOf(state: DeviceLinkState): number {
  return state.kind === "waiting" ? state.delayMs : Number.NaN;
}

test.each([
  [4400, "protocol_error"],
  [4409, "replaced"],
])("close code %i stops a device for good", (code, kind) => {
  const state = after(REGISTERED, lost(code), WAITED);
  expect(state).toEqual({ kind: "stopped", reason: { kind, message: "because" } });
});

test("a device whose gateway goes away reconnects at once, and waits if that fails", () => {
  expect(delayOf(after(REGISTERED, lost(1012)))).toBe(0);
  expect(delayOf(after(REGISTERED, lost(1012), WAITED, lost(1012)))).toBeGreaterThan(0);
});

test("a message that always fails at the gateway does not make its device reconnect without a pause", () => {
  expect(delayOf(after(REGISTERED, lost(1012, true, true)))).toBeGreaterThan(0);
});

test("an expired token is replaced at once; new tokens that are refused too are asked for with growing pauses", () => {
  expect(after(REGISTERED, lost(4401), WAITED)).toEqual({ kind: "connecting", failures: 1, freshToken: true });
  expect(delayOf(after(REGISTERED, lost(4401)))).toBe(0);
  const twice = delayOf(after(lost(4401), WAITED, lost(4401)));
  expect(delayOf(after(lost(4401), WAITED, lost(4401), WAITED, lost(4401)))).toBeGreaterThan(twice);
});

test("a refused key that cannot be renewed stops a device", () => {
  expect(after(lost(4401, false)).kind).toBe("stopped");
});

test("a connection that opens and then dies does not reset a device's backoff; a registration does", () => {
  const once = delayOf(after(lost(1006)));
  expect(delayOf(after(lost(1006), WAITED, lost(1006), WAITED, lost(1006)))).toBeGreaterThan(2 * once);
  expect(delayOf(after(lost(1006), WAITED, lost(1006), WAITED, REGISTERED, lost(4408)))).toBe(once);
});

test("a device that its program closed stays closed whatever follows", () => {
  expect(after(REGISTERED, { kind: "close" }, lost(1006), WAITED, REGISTERED)).toEqual({
    kind: "stopped",
    reason: { kind: "closed" },
  });
});
