import { expect, test } from "vitest";
import { devicePairing } from "./device-pairing.ts";

const AT = Date.UTC(2026, 10, 29);
const ISO = "2026-11-29T00:00:00.000Z";

test("a device waits only while it is connected, and what was paired stays so", () => {
  const state = (pairedAt: number | null, isOpen: boolean, waitsUntil: number | null) =>
    devicePairing({ pairedAt, latest: { isOpen, waitsUntil } });
  expect(state(null, true, AT)).toEqual({ state: "waiting", expiresAt: ISO });
  expect(state(null, false, AT)).toEqual({ state: "unpaired" });
  expect(state(null, true, null)).toEqual({ state: "not_needed" });
  expect(state(AT, false, null)).toEqual({ state: "paired", pairedAt: ISO });
  expect(devicePairing({ pairedAt: null, latest: null })).toEqual({ state: "not_needed" });
});
