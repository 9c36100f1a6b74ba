import { expect, test } from "vitest";
import { callIdOf, startDeviceWorld } from "../../test/support/device-world.ts";
import { settled } from "../../test/support/fakes.ts";
import { SocketlessDevice } from "../../test/support/socketless-device.ts";
import {
  DEVICE_HEARTBEAT_MS,
  DEVICE_POLL_MS,
  REGISTRATION_IN_FLIGHT_MAX_MS,
  TAKEOVER_AWAITED_MAX_MS,
} from "./limits.ts";

function start() {
  const world = startDeviceWorld();
  return {
    ...world,
    connect: () => new SocketlessDevice(world.devices),
    device: (deviceKey = "laptop") => new SocketlessDevice(world.devices).register(deviceKey),
    /** Lets the loop look once more. */
    async poll() {
      world.clock.advance(DEVICE_POLL_MS);
      await settled();
    },
    reasons: () => world.rows.sessions.map(({ reason }) => reason),
  };
}

test("a device that registers is told its ids, and how often it is pinged", async () => {
  const { device, rows } = start();
  const laptop = await device();
  const sessionId = rows.sessions[0]?.sessionId;
  expect(laptop.heard).toEqual([
    { type: "device.registered", deviceId: "device of laptop", sessionId, heartbeatMs: DEVICE_HEARTBEAT_MS },
  ]);
  expect(laptop.admittedUntil).toBe(Number.POSITIVE_INFINITY);
});

test("nothing but a registration is taken first, and no second one afterwards", async () => {
  const { connect, rows } = start();
  const stranger = connect();
  await stranger.say({ type: "ping" });
  expect(stranger.heard).toEqual([]);
  await stranger.register("laptop");
  await stranger.register("laptop");
  expect(stranger.faults).toEqual([
    "The first message must be device.register.",
    "This connection is registered already; open another one to register anew.",
  ]);
  expect(rows.sessions).toHaveLength(1);
});

test("two tools of one name are a fault that names them", async () => {
  const { connect, rows } = start();
  const tool = { name: "twin", description: "", inputSchema: {} };
  const confused = await connect().register("laptop", { tools: [tool, tool] });
  expect(confused.faults).toEqual(["The tool 'twin' is offered twice."]);
  expect(rows.sessions).toEqual([]);
});

test("a tool schema that is no schema is a fault that names the tool and what is wrong, and opens no session", async () => {
  const { connect, rows } = start();
  const tools = [
    { name: "fine", description: "", inputSchema: { type: "object" } },
    { name: "odd", description: "", inputSchema: { type: "objekt" } },
  ];
  const confused = await connect().register("laptop", { tools });
  expect(confused.faults).toEqual([
    "The inputSchema of the tool 'odd' cannot be used: /type must be one of the allowed types.",
  ]);
  expect(rows.sessions).toEqual([]);
});

test("a credential that does not let its holder be this device is refused", async () => {
  const { connect, rows } = start();
  const outcomes = await Promise.all(
    ["bad", "reader", "bound"].map((token) => connect().register("somebody-else", { token })),
  );
  expect(outcomes.map(({ endedAs }) => endedAs)).toEqual(["unauthenticated", "forbidden", "forbidden"]);
  expect(rows.sessions).toEqual([]);
});

test("with the store away a device is told to come back, and no session is left behind", async () => {
  const { connect, rows } = start();
  rows.isAway = true;
  const early = await connect().register("laptop");
  expect(early.endedAs).toBe("unavailable");
  expect(rows.sessions).toEqual([]);
});

test("a connection that breaks while it registers leaves no session open", async () => {
  const { connect, reasons } = start();
  const hasty = connect();
  const registered = hasty.register("laptop");
  await hasty.disconnect();
  await registered;
  expect(reasons()).toEqual(["disconnected"]);
  expect(hasty.heard).toEqual([]);
});

test("a renewed token keeps the connection, one from elsewhere ends it, and a store that is away costs nothing", async () => {
  const { connect, clock } = start();
  const laptop = await connect().register("laptop", { token: "good tenant-1 5000" });
  expect(laptop.admittedUntil).toBe(clock.now() + 5000);
  await laptop.say({ type: "auth.refresh", token: "good tenant-1 60000" });
  expect(laptop.admittedUntil).toBe(clock.now() + 60_000);
  await laptop.say({ type: "auth.refresh", token: "away" });
  expect(laptop.all("error")).toMatchObject([{ code: "unavailable" }]);
  expect(laptop.endedAs).toBeNull();
  await laptop.say({ type: "auth.refresh", token: "good tenant-2" });
  expect(laptop.endedAs).toBe("forbidden");
});

test("a second connection with the same key replaces the first, once it was heard", async () => {
  const { device, connect, reasons, poll } = start();
  const first = await device();
  const second = connect();
  second.answersPings = false;
  await second.register("laptop");
  await poll();
  expect(first.endedAs).toBeNull();
  second.pongs();
  await settled();
  expect(first.endedAs).toBe("replaced");
  expect(second.endedAs).toBeNull();
  expect(reasons()).toEqual(["replaced", null]);
});

test("a late registration of a connection that the device has left costs the living one no more than a reconnect", async () => {
  const { device, connect, reasons, poll } = start();
  const living = await device();
  const left = connect();
  const registered = left.register("laptop");
  await left.disconnect();
  await registered;
  await poll();
  expect(reasons()).toEqual(["replaced", "disconnected"]);
  expect(living.endedAs).toBe("swept");
});

test("a connection that registers and is never heard stops nobody: the one before is told to connect again", async () => {
  const { device, connect, clock, rows, poll } = start();
  const living = await device();
  const dead = connect();
  dead.answersPings = false;
  await dead.register("laptop");
  rows.add({ callId: callIdOf("meanwhile") });
  clock.advance(TAKEOVER_AWAITED_MAX_MS - 2 * DEVICE_POLL_MS);
  await settled();
  await poll();
  expect([living.endedAs, living.asked]).toEqual([null, []]);
  await poll();
  expect(living.endedAs).toBe("swept");
  const again = await device();
  expect([again.endedAs, dead.endedAs]).toEqual([null, "replaced"]);
});

test("a pong that the store could not be told of is told when it can", async () => {
  const { device, connect, rows, poll } = start();
  const first = await device();
  const second = connect();
  second.answersPings = false;
  await second.register("laptop");
  rows.isAway = true;
  second.pongs();
  await settled();
  rows.isAway = false;
  expect(first.endedAs).toBeNull();
  await poll();
  await poll();
  expect(first.endedAs).toBe("replaced");
});

test("the connection of a device that was deleted is told to stop", async () => {
  const { device, rows, poll } = start();
  const laptop = await device();
  rows.sessions.length = 0;
  await poll();
  expect(laptop.endedAs).toBe("replaced");
});

test("a session that was given up although its device lives is told to connect again, not to stop", async () => {
  const { device, rows, poll } = start();
  const laptop = await device();
  for (const session of rows.sessions) session.reason = "gateway_dead";
  await poll();
  expect(laptop.endedAs).toBe("swept");
});

test("a session that the store could not be told of is ended when it can", async () => {
  const { device, rows, poll, reasons } = start();
  const laptop = await device();
  rows.isAway = true;
  await laptop.disconnect();
  await poll();
  expect(reasons()).toEqual([null]);
  rows.isAway = false;
  await poll();
  expect(reasons()).toEqual(["disconnected"]);
});

test("a server that closes ends every session and takes no new connection", async () => {
  const { device, connect, devices, reasons } = start();
  const laptop = await device();
  const stranger = connect();
  await devices.close();
  expect([laptop.endedAs, stranger.endedAs]).toEqual(["gateway_stopped", "gateway_stopped"]);
  expect(reasons()).toEqual(["gateway_stopped"]);
  expect(connect().endedAs).toBe("gateway_stopped");
});

test("a server that closes waits for a registration in hand, and ends the session that it opens", async () => {
  const { connect, devices, reasons } = start();
  const late = connect();
  const registered = late.register("laptop");
  await devices.close();
  expect(reasons()).toEqual(["disconnected"]);
  await registered;
});

test("a session that a registration opened without the gateway learning of it does not stay open", async () => {
  const { device, rows, clock, poll, reasons } = start();
  rows.loseRegistrations = true;
  const laptop = await device();
  expect(laptop.endedAs).toBe("unavailable");
  expect(reasons()).toEqual([null]);
  clock.advance(REGISTRATION_IN_FLIGHT_MAX_MS);
  await settled();
  await poll();
  expect(reasons()).toEqual(["unconfirmed"]);
});

test("the end of a lost registration does not touch the session with which the device came back", async () => {
  const { device, rows, clock, poll, reasons } = start();
  rows.loseRegistrations = true;
  await device();
  rows.loseRegistrations = false;
  await device();
  clock.advance(REGISTRATION_IN_FLIGHT_MAX_MS);
  await settled();
  await poll();
  expect(reasons()).toEqual(["replaced", null]);
});
