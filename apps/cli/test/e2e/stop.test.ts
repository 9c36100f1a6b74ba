import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { programEnv } from "../../../gateway/test/support/program-env.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const PROGRAM = join(ROOT, "apps/cli/bin/hsafa.js");
const WAIT_MAX_MS = 30_000;

/** A gateway that was started in some way, and the process that was started for it. */
interface Started {
  readonly starter: ChildProcess;
  readonly url: string;
  serves(): Promise<boolean>;
}

/** Runs a command that starts a gateway whose output goes to `log`. Whatever it started is ended with the test. */
async function start(command: readonly [string, ...string[]], env: Record<string, string> = {}): Promise<Started> {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-stop-"));
  const log = join(folder, "log");
  const [program, ...args] = command;
  const starter = spawn("sh", ["-c", `exec "$0" "$@" >"$LOG" 2>&1`, program, ...args], {
    cwd: ROOT,
    env: {
      ...programEnv(),
      PORT: "0",
      HSAFA_DATA_DIR: join(folder, "data"),
      LOG: log,
      ...env,
    },
    stdio: "ignore",
  });
  onTestFinished(async () => {
    starter.kill("SIGKILL");
    // The gateway may be nobody's child by now. Its lock tells which process it is.
    const lock = await attempt(
      () => JSON.parse(readFileSync(join(folder, "data/lock.json"), "utf8")) as { pid: number },
    );
    if (lock !== null) await attempt(() => process.kill(lock.pid, "SIGKILL"));
    rmSync(folder, { recursive: true, force: true });
  });
  const url = await waitFor("it listens", () => /listening on (http:\S+)/.exec(readFileSync(log, "utf8"))?.[1] ?? null);
  const serves = async (): Promise<boolean> => (await attempt(() => fetch(`${url}/health`))) !== null;
  return { starter, url, serves };
}

async function attempt<T>(work: () => T | Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch {
    return null;
  }
}

async function waitFor<T>(what: string, look: () => T | null | Promise<T | null>): Promise<T> {
  for (const deadline = Date.now() + WAIT_MAX_MS; Date.now() < deadline; await sleep(50)) {
    const found = await attempt(look);
    if (found !== null) return found;
  }
  throw new Error(`It did not happen that ${what}.`);
}

test.each(["start", "dev"])(
  "SIGTERM to npx ends the gateway of 'npx hsafa %s' too",
  { timeout: 90_000 },
  async (name) => {
    const { starter, serves } = await start(["npx", "hsafa", name]);
    expect(await serves()).toBe(true);
    starter.kill("SIGTERM");
    await waitFor("it serves no more", async () => ((await serves()) ? null : true));
  },
);

test("a kill of npx, which nobody can pass on, ends the gateway too", { timeout: 90_000 }, async () => {
  const { starter, serves } = await start(["npx", "hsafa", "start"]);
  starter.kill("SIGKILL");
  await waitFor("it serves no more", async () => ((await serves()) ? null : true));
});

const npm = { npm_execpath: "/usr/lib/npm" };
test.each([
  ["that started npx in the background", `nohup npx hsafa start & sleep 2`, {}],
  ["without npm", `"$NODE" "$PROGRAM" start & sleep 2`, {}],
  ["if the settings say so", `"$NODE" "$PROGRAM" start & sleep 2`, { ...npm, HSAFA_END_WITH_PARENT: "false" }],
])("a gateway outlives its parent %s", { timeout: 90_000 }, async (_how, script, env) => {
  const { starter, serves } = await start(["sh", "-c", script], { ...env, NODE: process.execPath, PROGRAM });
  await waitFor("its parent is gone", () => (starter.exitCode === null ? null : true));
  // Several looks after the parent.
  await sleep(2000);
  expect(await serves()).toBe(true);
});

test("a gateway ends with its parent when the settings say so", { timeout: 90_000 }, async () => {
  const script = `"$NODE" "$PROGRAM" start & while :; do sleep 1; done`;
  const env = { HSAFA_END_WITH_PARENT: "true", NODE: process.execPath, PROGRAM };
  const { starter, serves } = await start(["sh", "-c", script], env);
  starter.kill("SIGKILL");
  await waitFor("it serves no more", async () => ((await serves()) ? null : true));
});
