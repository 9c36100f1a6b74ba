import { createServer, type AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { askRedis } from "../../../test/services/refusing-redis.ts";
import { missingServices, startPrivateRedis } from "../../../test/services/services.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { systemClock } from "../system/system-clock.ts";
import { examineRedis } from "./examine-redis.ts";
import { judgeRedis } from "./judge-redis.ts";

const examine = (url: string) => examineRedis(url, systemClock);

test("a version before the oldest that serves is told, and one that is not said is none", () => {
  expect(judgeRedis({ server: "redis", version: "6.2.14" }, "r:1")).toMatchObject({ state: "broken" });
  expect(judgeRedis({ server: "redis", version: "7.0.0" }, "r:1").state).toBe("ok");
  expect(judgeRedis({ server: "valkey", version: "8.1.0" }, "r:1").message).toContain("Valkey 8.1.0");
  expect(judgeRedis({}, "r:1").state).toBe("ok");
});

describe.skipIf(await missingServices("private-redis"))("the examination of a Redis", () => {
  async function start(settings: readonly string[] = [], isTls = false) {
    const server = await startPrivateRedis({ settings, isTls });
    onTestFinished(() => server.remove());
    return server;
  }
  const withUser = (url: string, user: string): string => url.replace("://", `://${user}@`);

  test("one that serves is told with its version, and what is wrong with one that refuses with its cure", async () => {
    const { url } = await start();
    const found = await examine(url);
    expect(found).toMatchObject({ state: "ok", cure: null });
    expect(found.message).toMatch(/^(Redis|Valkey) \d+\.\d+\.\d+ at 127\.0\.0\.1:\d+ takes and passes on/);

    await askRedis(url, "ACL", "SETUSER", "ann", "on", ">right", "~*", "&*", "+@all", "-publish", "-evalsha", "-eval");
    expect(await examine(withUser(url, "ann:right"))).toMatchObject({
      state: "broken",
      message: expect.stringContaining("NOPERM") as string,
      cure: expect.stringContaining("xadd") as string,
    });
    expect(await examine(withUser(url, "ann:false"))).toMatchObject({
      message: expect.stringContaining("WRONGPASS") as string,
      cure: expect.stringContaining("password") as string,
    });
    await askRedis(url, "CONFIG", "SET", "maxmemory", "1");
    expect(await examine(url)).toMatchObject({
      state: "broken",
      message: expect.stringContaining("OOM") as string,
      cure: expect.stringContaining("memory") as string,
    });
    await askRedis(url, "CONFIG", "SET", "maxmemory", "0");
    await askRedis(url, "REPLICAOF", "127.0.0.1", "1");
    expect(await examine(url)).toMatchObject({
      state: "broken",
      message: expect.stringMatching(/READONLY|MASTERDOWN/) as string,
      cure: expect.stringContaining("primary") as string,
    });
  });

  test("one that asks for a password is told so, and the right one serves", async () => {
    const { url } = await start(["--requirepass", "right"]);
    expect(await examine(url)).toMatchObject({
      state: "broken",
      message: expect.stringContaining("NOAUTH") as string,
      cure: expect.stringContaining("redis://:password@host") as string,
    });
    expect(await examine(withUser(url, ":right"))).toMatchObject({ state: "ok" });
  });

  test("a cluster is refused", async () => {
    const { url } = await start(["--cluster-enabled", "yes"]);
    expect(await examine(url)).toMatchObject({
      state: "broken",
      message: expect.stringContaining("is a cluster") as string,
    });
  });

  test("TLS that is not there is told, and so are an address that is none and a port where nobody is", async () => {
    const { url } = await start();
    expect(await examine(url.replace("redis:", "rediss:"))).toMatchObject({
      state: "broken",
      message: expect.stringContaining("answers nothing by TLS") as string,
      cure: expect.stringContaining("redis://") as string,
    });
    expect(await examine(`${url}?colour=blue`)).toMatchObject({
      state: "broken",
      message: expect.stringContaining("colour") as string,
    });
    const port = await freePort();
    expect(await examine(`redis://127.0.0.1:${port}`)).toMatchObject({
      state: "broken",
      message: `nothing listens at 127.0.0.1:${port}`,
    });
  });

  test("what says nothing, and what is no Redis, are told apart in time", async () => {
    const listen = async (answer: string | null): Promise<string> => {
      const other = createServer((socket) => {
        socket.on("error", () => {});
        if (answer !== null) socket.end(answer);
        onTestFinished(() => void socket.destroy());
      });
      await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
      onTestFinished(() => void other.close());
      return `redis://127.0.0.1:${(other.address() as AddressInfo).port}`;
    };
    expect((await examine(await listen(null))).message).toContain("does not answer in time");
    expect((await examine(await listen("HTTP/1.1 400 Bad Request\r\n\r\n"))).message).toContain(
      "does not speak as Redis",
    );
  });
});
