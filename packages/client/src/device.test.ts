import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { FakeDevicePlane } from "../test/fake-device-plane.ts";
import { createDevice, type Device, type DeviceOptions } from "./device.ts";
import type { DeviceTool } from "./device-calls.ts";
import type { DeviceStorage } from "./device-memory.ts";

/** Echoes its arguments, and counts how often. */
function echo(): DeviceTool & { count: number } {
  return {
    count: 0,
    inputSchema: {},
    execute(args) {
      this.count += 1;
      return args;
    },
  };
}

/** A tool that ends when the test says so. */
function gated(): {
  readonly tool: DeviceTool;
  readonly begun: AbortSignal[];
  readonly finish: (result: unknown) => void;
} {
  const begun: AbortSignal[] = [];
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const tool: DeviceTool = {
    inputSchema: {},
    execute(_args, { signal }) {
      begun.push(signal);
      return promise;
    },
  };
  return { tool, begun, finish: resolve };
}

async function setUp(options: Partial<DeviceOptions> = {}) {
  const plane = await FakeDevicePlane.start();
  onTestFinished(() => plane.close());
  const start = (more: Partial<DeviceOptions> = {}): Device => {
    const device = createDevice({
      url: plane.url,
      token: "key",
      deviceKey: "laptop",
      tools: { echo: echo() },
      ...options,
      ...more,
    });
    onTestFinished(() => device.close());
    return device;
  };
  return { plane, start };
}

describe("a device", () => {
  test("registers what it offers, executes a call and answers it", async () => {
    const { plane, start } = await setUp();
    const device = start({ displayName: "My laptop", platform: "desktop", labels: { room: "attic" }, maxInFlight: 3 });
    const connection = await plane.connection();
    expect(connection.socket.protocol).toBe("hsafa.device.v1");
    expect(await connection.welcome()).toMatchObject({
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
    expect(connection.heard.map(({ type }) => type)).toEqual(["device.register", "tool.accepted", "tool.result"]);
  });

  test("works over the constructor it is given", async () => {
    const { plane, start } = await setUp({ WebSocket });
    start();
    const connection = await plane.connection();
    await connection.welcome();
    connection.request("a");
    expect(await connection.next("tool.result")).toMatchObject({ result: "hello" });
  });

  test("several calls are executed at once", async () => {
    const { plane, start } = await setUp();
    const slow = gated();
    start({ tools: { slow: slow.tool, echo: echo() } });
    const connection = await plane.connection();
    await connection.welcome();
    connection.request("a", { toolName: "slow" });
    connection.request("b");
    expect(await connection.next("tool.result")).toMatchObject({ callId: "b" });
    slow.finish("late");
    expect(await connection.next("tool.result", 2)).toMatchObject({ callId: "a", result: "late" });
  });

  test("a call sent again is answered from memory, and one in progress is not begun twice", async () => {
    const { plane, start } = await setUp();
    const slow = gated();
    start({ tools: { slow: slow.tool } });
    const connection = await plane.connection();
    await connection.welcome();
    connection.request("a", { toolName: "slow" });
    await connection.next("tool.accepted");
    connection.request("a", { toolName: "slow", attempt: 2 });
    slow.finish(1);
    await connection.next("tool.result");
    connection.request("a", { toolName: "slow" });
    await connection.next("tool.result", 2);
    connection.say({ type: "tool.result.ack", callId: "a", duplicate: false });
    connection.request("a", { toolName: "slow" });
    expect(await connection.next("tool.result", 3)).toEqual({ type: "tool.result", callId: "a", result: 1 });
    expect(slow.begun).toHaveLength(1);
    expect(connection.all("tool.accepted")).toHaveLength(1);
  });

  test("what fails, is unknown, is no JSON or is too large is answered as an error", async () => {
    const { plane, start } = await setUp();
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
    const connection = await plane.connection();
    await connection.welcome();
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

  test("a cancel aborts the call, whose result is then not sent; asked anew, it is begun anew", async () => {
    const { plane, start } = await setUp();
    const slow = gated();
    start({ tools: { slow: slow.tool, echo: echo() } });
    const connection = await plane.connection();
    await connection.welcome();
    connection.request("a", { toolName: "slow" });
    await connection.next("tool.accepted");
    connection.say({ type: "tool.call.cancel", callId: "a" });
    await expect.poll(() => slow.begun[0]?.aborted).toBe(true);
    connection.request("a", { toolName: "slow", attempt: 2 });
    await connection.next("tool.accepted", 2);
    slow.finish(1);
    await connection.next("tool.result");
    connection.request("b");
    await connection.next("tool.result", 2);
    expect(connection.all("tool.result").map(({ callId }) => callId)).toEqual(["a", "b"]);
  });

  test("progress is passed on while the call is in progress", async () => {
    const { plane, start } = await setUp();
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
    const connection = await plane.connection();
    await connection.welcome();
    connection.request("a", { toolName: "walk" });
    await connection.next("tool.result");
    expect(connection.all("tool.progress")).toEqual([{ type: "tool.progress", callId: "a", data: { steps: 1 } }]);
  });
});

describe("a device that loses its connection", () => {
  test("comes back with the same boot id and sends what was not acknowledged, even if it finished in between", async () => {
    const { plane, start } = await setUp();
    const slow = gated();
    start({ tools: { slow: slow.tool, echo: echo() } });
    const first = await plane.connection();
    const { bootId } = await first.welcome();
    first.request("acked");
    await first.next("tool.result");
    first.say({ type: "tool.result.ack", callId: "acked", duplicate: false });
    first.request("unacked");
    first.request("unfinished", { toolName: "slow" });
    await first.next("tool.result", 2);
    first.socket.terminate();
    slow.finish("done offline");
    const second = await plane.connection(2);
    expect((await second.welcome()).bootId).toBe(bootId);
    await second.next("tool.result", 2);
    expect(second.all("tool.result").map(({ callId }) => callId)).toEqual(["unacked", "unfinished"]);
    expect(slow.begun[0]?.aborted).toBe(false);
  });

  test("a new device has a new boot id", async () => {
    const { plane, start } = await setUp();
    start();
    const { bootId } = await (await plane.connection()).welcome();
    start();
    expect((await (await plane.connection(2)).welcome()).bootId).not.toBe(bootId);
  });

  test.each([
    [4400, "protocol_error"],
    [4409, "replaced"],
  ])("close code %i stops it, and aborts what is in progress", async (code, kind) => {
    const { plane, start } = await setUp();
    const slow = gated();
    const device = start({ tools: { slow: slow.tool } });
    const connection = await plane.connection();
    await connection.welcome();
    connection.request("a", { toolName: "slow" });
    await connection.next("tool.accepted");
    connection.socket.close(code, "because");
    expect(await device.stopped).toEqual({ kind, message: "because" });
    expect(slow.begun[0]?.aborted).toBe(true);
    await expect(device.whenOnline()).rejects.toMatchObject({ code: kind });
  });

  test("4401 makes it ask for a new token; a fixed one stops it", async () => {
    const { plane, start } = await setUp();
    let asked = 0;
    start({ token: () => `token-${(asked += 1)}` });
    const first = await plane.connection();
    expect((await first.welcome()).token).toBe("token-1");
    first.socket.close(4401, "worn out");
    const second = await plane.connection(2);
    expect((await second.welcome()).token).toBe("token-2");

    const fixed = start({ token: "wrong" });
    const third = await plane.connection(3);
    await third.next("device.register");
    third.socket.close(4401, "unknown key");
    expect(await fixed.stopped).toEqual({ kind: "not_authenticated", message: "unknown key" });
  });

  test("a token source that fails is asked again", async () => {
    const { plane, start } = await setUp();
    const errors: unknown[] = [];
    let asked = 0;
    const token = async (): Promise<string> => {
      asked += 1;
      if (asked === 1) throw new Error("the page is offline");
      return "token";
    };
    start({ token, onError: (error) => errors.push(error) });
    await (await plane.connection()).welcome();
    expect(errors).toEqual([new Error("the page is offline")]);
  });

  test("a gateway that accepts and says nothing is left", async () => {
    const { plane, start } = await setUp();
    start();
    const first = await plane.connection();
    await first.welcome(20);
    await first.next("ping", 2);
    await (await plane.connection(2)).welcome();
  });

  test("a gateway that answers pings is kept", async () => {
    const { plane, start } = await setUp();
    start();
    const connection = await plane.connection();
    connection.socket.on("message", (data: Buffer) => {
      if (data.toString("utf8").includes('"ping"')) connection.say({ type: "pong" });
    });
    await connection.welcome(20);
    await connection.next("ping", 10);
    expect(plane.connections).toHaveLength(1);
  });

  test("a token about to wear out is replaced on the open connection", async () => {
    const { plane, start } = await setUp();
    const jwt = (lifetimeMs: number, name: string): string => {
      const exp = (Date.now() + lifetimeMs) / 1000;
      return `x.${Buffer.from(JSON.stringify({ exp, name })).toString("base64url")}.x`;
    };
    let asked = 0;
    start({ token: () => jwt((asked += 1) === 1 ? 1000 : 600_000, `${asked}`) });
    const connection = await plane.connection();
    const { token } = await connection.welcome();
    expect((await connection.next("auth.refresh")).token).not.toBe(token);
    expect(plane.connections).toHaveLength(1);
  });
});

describe("answers the gateway cannot take", () => {
  test("now: they are sent again with the next heartbeat", async () => {
    const { plane, start } = await setUp();
    start();
    const connection = await plane.connection();
    await connection.welcome(20);
    connection.request("a");
    await connection.next("tool.result");
    connection.say({ type: "error", code: "unavailable", message: "the store is away", callId: "a" });
    expect(await connection.next("tool.result", 2)).toMatchObject({ callId: "a", result: "hello" });
  });

  test("because of what they are: an error is sent in their place, once", async () => {
    const { plane, start } = await setUp();
    start();
    const connection = await plane.connection();
    await connection.welcome();
    connection.request("a");
    await connection.next("tool.result");
    connection.say({ type: "error", code: "payload_too_large", message: "too large", callId: "a" });
    expect((await connection.next("tool.result", 2)).error?.code).toBe("result_refused");
    connection.say({ type: "error", code: "payload_too_large", message: "too large", callId: "a" });
    connection.request("b");
    expect(await connection.next("tool.result", 3)).toMatchObject({ callId: "b" });
  });

  test("because the call was settled otherwise: they are not sent again", async () => {
    const { plane, start } = await setUp();
    start();
    const first = await plane.connection();
    await first.welcome();
    first.request("a");
    await first.next("tool.result");
    first.say({ type: "error", code: "result_conflict", message: "expired", callId: "a" });
    first.request("b");
    await first.next("tool.result", 2);
    first.socket.close(1012);
    const second = await plane.connection(2);
    await second.welcome();
    await second.next("tool.result");
    expect(second.all("tool.result").map(({ callId }) => callId)).toEqual(["b"]);
  });
});

describe("a device whose memory outlives its process", () => {
  function memoryStorage(): DeviceStorage & { readonly items: Map<string, string>; isBroken: boolean } {
    const items = new Map<string, string>();
    return {
      items,
      isBroken: false,
      getItem: (key) => items.get(key) ?? null,
      async setItem(key, value) {
        if (this.isBroken) throw new Error("quota exceeded");
        items.set(key, value);
      },
    };
  }

  test("keeps its boot id and its results; what was cut short is of unknown outcome, and not begun again", async () => {
    const storage = memoryStorage();
    const { plane, start } = await setUp({ storage });
    const slow = gated();
    const before = start({ tools: { slow: slow.tool, echo: echo() } });
    const first = await plane.connection();
    const { bootId } = await first.welcome();
    first.request("done");
    first.request("cut", { toolName: "slow" });
    await first.next("tool.result");
    before.close();

    const after = echo();
    start({ tools: { echo: after, slow: after } });
    const second = await plane.connection(2);
    expect((await second.welcome()).bootId).toBe(bootId);
    await second.next("tool.result", 2);
    second.request("done");
    second.request("cut", { toolName: "slow" });
    await second.next("tool.result", 4);
    const answers = second
      .all("tool.result")
      .map(({ callId, result, error }) => `${callId} ${error?.code ?? JSON.stringify(result)}`);
    expect(new Set(answers)).toEqual(new Set(['done "hello"', "cut outcome_unknown"]));
    expect(after.count).toBe(0);
  });

  test("does not begin what it could not note", async () => {
    const storage = memoryStorage();
    const errors: unknown[] = [];
    const tool = echo();
    const { plane, start } = await setUp({ storage, tools: { echo: tool }, onError: (error) => errors.push(error) });
    start();
    const connection = await plane.connection();
    await connection.welcome();
    storage.isBroken = true;
    connection.request("a");
    expect((await connection.next("tool.result")).error?.code).toBe("device_storage_failed");
    expect(tool.count).toBe(0);
    expect(errors.length).toBeGreaterThan(0);
  });

  test("a storage that holds something else is a memory lost", async () => {
    const storage = memoryStorage();
    storage.items.set("hsafa.device.laptop", "{]");
    const { plane, start } = await setUp({ storage });
    start();
    expect((await (await plane.connection()).welcome()).bootId).not.toBe("");
  });
});
