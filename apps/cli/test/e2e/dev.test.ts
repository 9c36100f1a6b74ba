import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Command, startCommand } from "./hsafa-command.ts";

const folder = mkdtempSync(join(tmpdir(), "hsafa-dev-"));
const file = join(folder, "agents/greeter.mjs");
let dev: Command;
let url = "";

function write(system: string): void {
  writeFileSync(
    file,
    `import { name } from "./parts/name.mjs"; export default { name, model: "demo/echo", system: ${system} };`,
  );
}

/** The happenings that `--json` has printed so far. */
function happenings(): Record<string, unknown>[] {
  const lines = dev.printed.out.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function done(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Command & { code: number | null }> {
  const command = startCommand(args, { folder, env });
  return { ...command, code: await command.exit };
}

beforeAll(async () => {
  mkdirSync(join(folder, "agents/parts"), { recursive: true });
  writeFileSync(join(folder, "agents/parts/name.mjs"), `export const name = "greeter";`);
  writeFileSync(join(folder, ".env"), "PORT=0\nGREETING=Hello from .env\nHSAFA_URL=http://127.0.0.1:9\n");
  write("process.env.GREETING");
  dev = startCommand(["dev", "--json"], { folder });
  url = (await dev.says(/"event":"listening","url":"([^"]+)"/))[1] ?? "";
  await dev.says(/"event":"pushed"/);
});

afterAll(async () => {
  dev.child.kill("SIGTERM");
  await dev.exit;
  rmSync(folder, { recursive: true });
});

test("the address is written into the folder, where other commands look for it", () => {
  expect(readFileSync(join(folder, ".hsafa/url"), "utf8")).toBe(`${url}\n`);
});

test("the agents of the folder are pushed at the start, with what .env says", async () => {
  expect(happenings().find(({ event }) => event === "pushed")).toMatchObject({
    file: "agents/greeter.mjs",
    name: "greeter",
    version: "1",
    isNew: true,
  });
  const shown = await done(["agents", "--json"]);
  expect(shown.printed.out).toContain("Hello from .env");
});

test("a save is pushed with its diff, and so is that of a file which the agent imports", async () => {
  write(`"Good morning."`);
  await dev.says(/"version":"2"/);
  const pushed = happenings().find(({ version }) => version === "2");
  expect(pushed?.changes).toEqual([{ path: "system", before: "Hello from .env", after: "Good morning." }]);
  expect(pushed?.configHash).toMatch(/^[0-9a-f]{64}$/);
  writeFileSync(join(folder, "agents/parts/name.mjs"), `export const name = "greeter2";`);
  await dev.says(/"name":"greeter2"/);
  writeFileSync(join(folder, "agents/parts/name.mjs"), `export const name = "greeter";`);
  await dev.says(/"name":"greeter","version":"2"[^\n]*"isNew":false/);
});

test("a file that does not load, and one that the gateway refuses, are told; the old version stays", async () => {
  writeFileSync(file, "export default {");
  await dev.says(/"push_failed","file":"agents\/greeter\.mjs","message":"[^"]*cannot be loaded/);
  writeFileSync(file, `export default { name: "greeter", model: "nobody/nothing" };`);
  await dev.says(/"push_failed"[^\n]*config\.model/);
  const run = await done(["run", "greeter", "still", "there?"]);
  expect(run.printed.out).toContain("still there?");
});

test("a run, a device and refusals are a line each, and CORS has its cure", async () => {
  await dev.says(/"event":"run"[^\n]*"agentName":"greeter","status":"completed"/);
  const device = startCommand(["device", "--key", "lamp"], { folder });
  await dev.says(/"event":"device","deviceKey":"lamp","online":true/);
  device.child.kill("SIGINT");
  await dev.says(/"event":"device","deviceKey":"lamp","online":false/);
  await fetch(`${url}/api/runs`);
  await dev.says(/"event":"refused","method":"GET","route":"\/api\/runs","status":401,"refusedOrigin":null/);
  for (let times = 0; times < 3; times += 1)
    await fetch(`${url}/health`, { headers: { origin: "http://localhost:5173" } });
  await dev.says(/"refusedOrigin":"http:\/\/localhost:5173"/);
  expect(happenings().filter(({ refusedOrigin }) => refusedOrigin === "http://localhost:5173")).toHaveLength(1);
});

test("its end takes the address back, so that nobody is led to where nothing listens", async () => {
  dev.child.kill("SIGTERM");
  expect(await dev.exit).toBe(0);
  expect(existsSync(join(folder, ".hsafa/url"))).toBe(false);
});
