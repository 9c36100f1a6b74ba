import { expect, test } from "vitest";
import { echo, gated, startDeviceWorld } from "../test/device-world.ts";

test("several calls are executed at once", async () => {
  const { server, start } = await startDeviceWorld();
  const slow = gated();
  start({ tools: { slow: slow.tool, echo: echo() } });
  const connection = await server.connection();
  await connection.accept();
  connection.request("a", { toolName: "slow" });
  connection.request("b");
  expect(await connection.next("tool.result")).toMatchObject({ callId: "b" });
  slow.finish("late");
  expect(await connection.next("tool.result", 2)).toMatchObject({ callId: "a", result: "late" });
});

test("a call sent again is answered from memory, and one in progress is not begun twice", async () => {
  const { server, start } = await startDeviceWorld();
  const slow = gated();
  start({ tools: { slow: slow.tool } });
  const connection = await server.connection();
  await connection.accept();
  connection.request("a", { toolName: "slow" });
  await connection.next("tool.accepted");
  connection.request("a", { toolName: "slow", attempt: 2 });
  slow.finish(1);
  await connection.next("tool.result");
  connection.request("a", { toolName: "slow" });
  await connection.next("tool.result", 2);
  connection.send({ type: "tool.result.ack", callId: "a", duplicate: false });
  connection.request("a", { toolName: "slow" });
  expect(await connection.next("tool.result", 3)).toEqual({ type: "tool.result", callId: "a", result: 1 });
  expect(slow.begun).toHaveLength(1);
  expect(connection.all("tool.accepted")).toHaveLength(1);
});

test("a tool that fails, is unknown, returns no JSON or too much of it is answered as an error", async () => {
  const { server, start } = await startDeviceWorld();
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  const throws = (): never => {
    throw Object.assign(new Error("no such file"), { code: "ENOENT" });
  };
  start({
    tools: {
      fails: { inputSchema: {}, execute: throws },
      cyclic: { inputSchema: {}, execute: () => cyclic },
      large: { inputSchema: {}, execute: () => "ü".repeat(200_000) },
      nothing: { inputSchema: {}, execute: () => undefined },
    },
  });
  const connection = await server.connection();
  await connection.accept();
  for (const toolName of ["fails", "cyclic", "large", "toString", "nothing"])
    connection.request(toolName, { toolName });
  await connection.next("tool.result", 5);
  const answers = new Map(connection.all("tool.result").map((answer) => [answer.callId, answer]));
  expect(answers.get("fails")?.error).toEqual({ code: "ENOENT", message: "no such file" });
  expect(answers.get("cyclic")?.error?.code).toBe("result_not_json");
  expect(answers.get("large")?.error?.code).toBe("result_too_large");
  expect(answers.get("toString")?.error?.code).toBe("unknown_tool");
  expect(answers.get("nothing")?.result).toBeNull();
});

test("a cancel aborts the call and its result is not sent; a call that is asked for anew is begun anew", async () => {
  const { server, start } = await startDeviceWorld();
  const slow = gated();
  start({ tools: { slow: slow.tool, echo: echo() } });
  const connection = await server.connection();
  await connection.accept();
  connection.request("a", { toolName: "slow" });
  await connection.next("tool.accepted");
  connection.send({ type: "tool.call.cancel", callId: "a" });
  await expect.poll(() => slow.begun[0]?.aborted).toBe(true);
  connection.request("a", { toolName: "slow", attempt: 2 });
  await connection.next("tool.accepted", 2);
  slow.finish(1);
  await connection.next("tool.result");
  connection.request("b");
  await connection.next("tool.result", 2);
  expect(connection.all("tool.result").map(({ callId }) => callId)).toEqual(["a", "b"]);
});

test("progress is sent while the call is in progress", async () => {
  const { server, start } = await startDeviceWorld();
  start({
    tools: {
      walk: {
        inputSchema: {},
        execute(_args, { progress }) {
          progress({ steps: 1 });
          return "there";
        },
      },
    },
  });
  const connection = await server.connection();
  await connection.accept();
  connection.request("a", { toolName: "walk" });
  await connection.next("tool.result");
  expect(connection.all("tool.progress")).toEqual([{ type: "tool.progress", callId: "a", data: { steps: 1 } }]);
});

test("an answer that the gateway cannot take now is sent again with the next heartbeat", async () => {
  const { server, start } = await startDeviceWorld();
  start();
  const connection = await server.connection();
  await connection.accept(20);
  connection.request("a");
  await connection.next("tool.result");
  connection.send({ type: "error", code: "unavailable", message: "the store is away", callId: "a" });
  expect(await connection.next("tool.result", 2)).toMatchObject({ callId: "a", result: "hello" });
});

test("an answer that the gateway will never take is replaced by an error, once", async () => {
  const { server, start } = await startDeviceWorld();
  start();
  const connection = await server.connection();
  await connection.accept();
  connection.request("a");
  await connection.next("tool.result");
  connection.send({ type: "error", code: "payload_too_large", message: "too large", callId: "a" });
  expect((await connection.next("tool.result", 2)).error?.code).toBe("result_refused");
  connection.send({ type: "error", code: "payload_too_large", message: "too large", callId: "a" });
  connection.request("b");
  expect(await connection.next("tool.result", 3)).toMatchObject({ callId: "b" });
});

test("an answer to a call that was settled otherwise is not sent again", async () => {
  const { server, start } = await startDeviceWorld();
  start();
  const first = await server.connection();
  await first.accept();
  first.request("a");
  await first.next("tool.result");
  first.send({ type: "error", code: "result_conflict", message: "expired", callId: "a" });
  first.request("b");
  await first.next("tool.result", 2);
  first.socket.close(1012);
  const second = await server.connection(2);
  await second.accept();
  await second.next("tool.result");
  expect(second.all("tool.result").map(({ callId }) => callId)).toEqual(["b"]);
});
