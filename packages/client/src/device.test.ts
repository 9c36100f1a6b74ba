import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { gated, echo, startDeviceWorld } from "../test/device-world.ts";

test("a device registers what it offers, executes a call and answers it", async () => {
  const { server, start } = await startDeviceWorld();
  const device = start({ displayName: "My laptop", platform: "desktop", labels: { room: "attic" }, maxInFlight: 3 });
  const connection = await server.connection();
  expect(connection.socket.protocol).toBe("hsafa.device.v1");
  expect(await connection.accept()).toMatchObject({
    token: "key",
    deviceKey: "laptop",
    displayName: "My laptop",
    platform: "desktop",
    labels: { room: "attic" },
    maxInFlight: 3,
    tools: [{ name: "echo", description: "", inputSchema: {} }],
  });
  expect(await device.whenOnline()).toEqual({ deviceId: "device-1", sessionId: "session-1" });
  connection.request("a", { args: "hello" });
  expect(await connection.next("tool.result")).toEqual({ type: "tool.result", callId: "a", result: "hello" });
  expect(connection.received.map(({ type }) => type)).toEqual(["device.register", "tool.accepted", "tool.result"]);
});

test("a device connects with the constructor it is given", async () => {
  const { server, start } = await startDeviceWorld({ WebSocket });
  start();
  const connection = await server.connection();
  await connection.accept();
  connection.request("a");
  expect(await connection.next("tool.result")).toMatchObject({ result: "hello" });
});

test("a device that lost its connection comes back with the same boot id and sends what was not acknowledged, even if it finished in between", async () => {
  const { server, start } = await startDeviceWorld();
  const slow = gated();
  start({ tools: { slow: slow.tool, echo: echo() } });
  const first = await server.connection();
  const { bootId } = await first.accept();
  first.request("acked");
  await first.next("tool.result");
  first.send({ type: "tool.result.ack", callId: "acked", duplicate: false });
  first.request("unacked");
  first.request("unfinished", { toolName: "slow" });
  await first.next("tool.result", 2);
  first.socket.terminate();
  slow.finish("done offline");
  const second = await server.connection(2);
  expect((await second.accept()).bootId).toBe(bootId);
  await second.next("tool.result", 2);
  expect(second.all("tool.result").map(({ callId }) => callId)).toEqual(["unacked", "unfinished"]);
  expect(slow.begun[0]?.aborted).toBe(false);
});

test("a new device has a new boot id", async () => {
  const { server, start } = await startDeviceWorld();
  start();
  const { bootId } = await (await server.connection()).accept();
  start();
  expect((await (await server.connection(2)).accept()).bootId).not.toBe(bootId);
});

test.each([
  [4400, "protocol_error"],
  [4409, "replaced"],
])("close code %i stops a device and aborts what is in progress", async (code, kind) => {
  const { server, start } = await startDeviceWorld();
  const slow = gated();
  const device = start({ tools: { slow: slow.tool } });
  const connection = await server.connection();
  await connection.accept();
  connection.request("a", { toolName: "slow" });
  await connection.next("tool.accepted");
  connection.socket.close(code, "because");
  expect(await device.stopped).toEqual({ kind, message: "because" });
  expect(slow.begun[0]?.aborted).toBe(true);
  await expect(device.whenOnline()).rejects.toMatchObject({ code: kind });
});

test("close code 4401 makes a device ask for a new token, and stops one whose token is fixed", async () => {
  const { server, start } = await startDeviceWorld();
  let asked = 0;
  start({ token: () => `token-${(asked += 1)}` });
  const first = await server.connection();
  expect((await first.accept()).token).toBe("token-1");
  first.socket.close(4401, "worn out");
  const second = await server.connection(2);
  expect((await second.accept()).token).toBe("token-2");

  const fixed = start({ token: "wrong" });
  const third = await server.connection(3);
  await third.next("device.register");
  third.socket.close(4401, "unknown key");
  expect(await fixed.stopped).toEqual({ kind: "not_authenticated", message: "unknown key" });
});

test("a token source that fails is asked again", async () => {
  const { server, start } = await startDeviceWorld();
  const errors: unknown[] = [];
  let asked = 0;
  const token = async (): Promise<string> => {
    asked += 1;
    if (asked === 1) throw new Error("the page is offline");
    return "token";
  };
  start({ token, onError: (error) => errors.push(error) });
  await (await server.connection()).accept();
  expect(errors).toEqual([new Error("the page is offline")]);
});

test("a device that drains finishes what it has in hand, delivers it, and only then closes", async () => {
  const { server, start } = await startDeviceWorld();
  const { tool, begun, finish } = gated();
  const device = start({ tools: { gated: tool } });
  const connection = await server.connection();
  await connection.accept();
  connection.request("c1", { toolName: "gated" });
  await expect.poll(() => begun.length).toBe(1);
  const drained = device.drain();
  await connection.next("device.drain");
  // A call that was on its way.
  connection.request("c2", { toolName: "gated" });
  connection.send({ type: "device.draining" });
  await expect.poll(() => begun.length).toBe(2);
  finish("done");
  await connection.next("tool.result", 2);
  connection.send({ type: "tool.result.ack", callId: "c1", duplicate: false });
  expect(device.state.kind).toBe("online");
  connection.send({ type: "tool.result.ack", callId: "c2", duplicate: false });
  expect(await drained).toEqual({ kind: "closed" });
  expect(begun.some(({ aborted }) => aborted)).toBe(false);
});

test("a device that is cut while it drains registers as one that drains, and delivers its answer", async () => {
  const { server, start } = await startDeviceWorld();
  const { tool, begun, finish } = gated();
  const device = start({ tools: { gated: tool } });
  const first = await server.connection();
  expect((await first.accept()).drains).toBeUndefined();
  first.request("c1", { toolName: "gated" });
  await expect.poll(() => begun.length).toBe(1);
  const drained = device.drain();
  await first.next("device.drain");
  first.socket.terminate();
  const second = await server.connection(2);
  expect((await second.accept()).drains).toBe(true);
  second.send({ type: "device.draining" });
  finish("done");
  await second.next("tool.result");
  second.send({ type: "tool.result.ack", callId: "c1", duplicate: false });
  expect(await drained).toEqual({ kind: "closed" });
});
