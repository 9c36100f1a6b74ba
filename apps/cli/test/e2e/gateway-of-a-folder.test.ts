/** Which gateway a command talks to, and what it says where that fails. Devices and doctor as well. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { until } from "../../../gateway/test/support/until.ts";
import { startCliWorld } from "./cli-world.ts";

const { folder, url, hsafa, done, close } = await startCliWorld();
afterAll(close);

test.each([
  ["an agent that nobody pushed", ["run", "nobody", "hi"], /no such agent.*\[not_found\]/],
  ["a file that is not there", ["push", "none.json"], /There is no file/],
  ["a second gateway on the same folder", ["dev", "--port", "0"], /in use by process/],
  ["an argument that means nothing", ["runs", "--status", "asleep"], /Allowed choices/],
])("%s is refused in words, with what to do", async (_what, args, words) => {
  const { exit, notes } = await done(args);
  expect(notes).toMatch(words);
  expect(exit).toBe(2);
});

test("commands in the folder of a gateway find it, whatever its port", async () => {
  expect((await done(["runs", "--limit", "1"], { gatewayUrl: "" })).exit).toBe(0);
});

test("a device whose gateway is away says so once, and goes on trying", async () => {
  let attempts = 0;
  const gone = createServer().on("upgrade", (_request, socket) => {
    attempts += 1;
    socket.destroy();
  });
  gone.listen(0, "127.0.0.1");
  await once(gone, "listening");
  onTestFinished(() => void gone.close());
  const { port } = gone.address() as AddressInfo;
  const device = hsafa(["device"], { gatewayUrl: `http://127.0.0.1:${port}`, env: { HSAFA_API_KEY: "a key" } });
  await device.says(/not connected to/);
  // Each attempt would be told before the next one.
  await until("it has tried four times", () => attempts >= 4);
  expect(device.printed.notes.match(/not connected to/g)).toHaveLength(1);
  device.child.kill("SIGINT");
  expect(await device.exit).toBe(0);
});

test("the key of this folder goes to the gateway that made it, and to no other", async () => {
  const asked: (string | undefined)[] = [];
  const stranger = createServer((request, response) => {
    asked.push(request.headers.authorization);
    response.writeHead(404).end();
  }).listen(0, "127.0.0.1");
  await once(stranger, "listening");
  const other = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`;
  const refused = await done(["runs"], { gatewayUrl: other });
  expect(refused.notes).toContain(`is for the gateway at ${url} alone`);
  expect(refused.exit).toBe(2);
  expect(asked).toEqual([]);
  await done(["runs"], { gatewayUrl: other, env: { HSAFA_API_KEY: "one for it" } });
  expect(asked).toEqual(["Bearer one for it"]);
  stranger.close();
});

test("a gateway that is away is told, and how to start one", async () => {
  const { exit, notes } = await done(["runs"], {
    gatewayUrl: "http://127.0.0.1:59",
    env: { HSAFA_API_KEY: "a key" },
  });
  expect(notes).toContain("npx hsafa dev");
  expect(exit).toBe(2);
});

test("a device that waits to be paired is listed so, and as paired once its code is entered", async () => {
  const key = await done(["keys", "create", "enroller", "--scopes", "devices:enroll"]);
  const device = hsafa(["device", "--key", "till-7"], { env: { HSAFA_API_KEY: key.out.trim() } });
  const [, code = ""] = await device.says(/hsafa devices pair (\S+)/);
  const lineOf = async () => /^.* till-7 .*$/m.exec((await done(["devices", "list"])).out)?.[0];
  expect(await lineOf()).toMatch(/^[0-9a-f-]{36} {2}till-7 {2}online {2}waits to be paired until \S+Z$/);
  expect((await done(["devices", "pair", code])).out).toMatch(/^paired: till-7 /);
  await device.says(/^paired$/m);
  expect(await lineOf()).toMatch(/ {2}online {2}paired \S+Z$/);
  const listed = (await done(["devices", "list", "--json", "--limit", "1"])).out;
  expect(JSON.parse(listed)).toMatchObject({ key: "till-7", pairing: { state: "paired" } });
  expect(listed).not.toContain(code);
  device.child.kill("SIGINT");
  expect(await device.exit).toBe(0);
});

test("doctor finds what is broken, and says the cure; exit code 2 tells a script", async () => {
  writeFileSync(join(folder, "one.json"), JSON.stringify({ name: "one", model: "demo/echo" }));
  await done(["push", "one.json"]);
  const well = await done(["doctor", "--agent", "one"]);
  expect(well.out).toMatch(/^ok {7}gateway {4}answers at /m);
  expect(well.out).toMatch(/^ok {7}key /m);
  expect(well).toMatchObject({ exit: 0 });
  const env = {
    HSAFA_API_KEY: "wrong",
    DATABASE_URL: "postgres://127.0.0.1:59/x",
    REDIS_URL: url.replace("http", "redis"),
  };
  const ill = await done(["doctor", "--json"], { env });
  const checks = ill.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { name: string; state: string });
  expect(checks.filter(({ state }) => state === "broken").map(({ name }) => name)).toEqual([
    "key",
    "postgres",
    "redis",
  ]);
  expect(ill.exit).toBe(2);
});

test.each(["bash", "zsh", "fish"])("completion for %s knows commands and options", async (shell) => {
  const { out, exit } = await done(["completion", shell]);
  expect(exit).toBe(0);
  expect(out).toContain("tool-calls");
  expect(out).toContain("dry-run");
});
