import { expect, test } from "vitest";
import { type DeviceOffer, mayTakeCall, type Recipient } from "./recipient.ts";

const DEVICE: DeviceOffer = {
  deviceId: "d-1",
  owner: "ann",
  ownerId: "key:1",
  key: "tab-1",
  platform: "browser",
  labels: { room: "kitchen", floor: "1" },
  toolNames: ["open"],
  isPooled: true,
};

const any = (labels: Readonly<Record<string, string>>, platform: string | null = null): Recipient => ({
  kind: "any",
  labels,
  platform,
});

test.each<[name: string, recipient: Recipient | null, toolName: string, expected: boolean]>([
  ["a call to its key goes to a device whatever it offers", { kind: "key", deviceKey: "tab-1" }, "paint", true],
  ["a call to another key goes to no other device", { kind: "key", deviceKey: "tab-2" }, "open", false],
  ["a call to any device goes to one that offers its tool", any({}), "open", true],
  ["a call to any device goes to none that lacks its tool", any({}), "paint", false],
  ["a device needs every label that a call asks for", any({ room: "kitchen", floor: "2" }), "open", false],
  ["a device may have more labels than a call asks for", any({ room: "kitchen" }), "open", true],
  ["a device of another platform is passed over", any({}, "ios"), "open", false],
  ["a device of the platform asked for may take the call", any({}, "browser"), "open", true],
  ["a call that goes to no device is taken by none", null, "open", false],
])("%s", (_name, recipient, toolName, expected) => {
  expect(mayTakeCall(DEVICE, { recipient, toolName, approval: null })).toBe(expected);
});

test("a call to any device goes to none outside of the pool, and one to its key does", () => {
  const device = { ...DEVICE, isPooled: false };
  expect(
    mayTakeCall(device, { recipient: any({ room: "kitchen" }, "browser"), toolName: "open", approval: null }),
  ).toBe(false);
  expect(
    mayTakeCall(device, { recipient: { kind: "key", deviceKey: "tab-1" }, toolName: "open", approval: null }),
  ).toBe(true);
});
