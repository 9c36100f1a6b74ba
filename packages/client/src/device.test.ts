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
