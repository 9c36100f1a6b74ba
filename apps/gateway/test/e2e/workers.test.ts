import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase, missingServices, redisUrl } from "../services/services.ts";
import { listeningUrl, startProgram } from "../support/gateway-program.ts";
import { until } from "../support/until.ts";

const KEY = "hsafa_test_operator_key_of_two_workers_0123456789";
const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };

test("more than one worker without Postgres and Redis is refused, with the cure", async () => {
  const child = startProgram({ HSAFA_WORKERS: "2" });
  child.stdout?.resume();
  let said = "";
  child.stderr?.on("data", (piece) => (said += String(piece)));
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(1);
  expect(said).toContain("HSAFA_WORKERS needs DATABASE_URL and REDIS_URL");
});

describe.skipIf(await missingServices("postgres", "redis"))("two workers on one port", () => {
  let database: FreshDatabase;
  let settings: Readonly<Record<string, string>>;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    settings = {
      HSAFA_WORKERS: "2",
      HSAFA_ADMIN_KEY: KEY,
      HSAFA_JWT_SECRET: "a secret with which every worker signs its tokens 0123456789",
      DATABASE_URL: database.url,
      REDIS_URL: await redisUrl(),
    };
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await database.drop();
  });

  async function startWorkers(more: Readonly<Record<string, string>> = {}) {
    const child = startProgram({ ...settings, ...more });
    children.push(child);
    const said: string[] = [];
    if (child.stderr !== null) createInterface({ input: child.stderr }).on("line", (line) => said.push(line));
    return { child, said, url: await listeningUrl(child) };
  }

  /** The processes that serve, from what the kernel says of the children of this one. */
  async function workersOf({ pid }: ChildProcess): Promise<readonly number[]> {
    const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.trim().split(" ").filter(Boolean).map(Number);
  }

  async function playRun(url: string): Promise<string> {
    const pushed = { name: "hello", config: { name: "hello", model: "demo/hello" } };
    await fetch(`${url}/api/agents`, { method: "POST", headers, body: JSON.stringify(pushed) });
    const body = JSON.stringify({ agent: "hello", input: "hi" });
    const started = await fetch(`${url}/api/runs`, {
      method: "POST",
      headers: { ...headers, connection: "close" },
      body,
    });
    const { runId } = (await started.json()) as { runId: string };
    const stream = await fetch(`${url}/api/runs/${runId}/stream`, { headers: { ...headers, connection: "close" } });
    return stream.text();
  }

  async function gaugeOf(url: string, name: string): Promise<number> {
    const text = await (await fetch(`${url}/metrics`, { headers })).text();
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1]);
  }

  test("both serve, and whoever is asked for metrics tells those of both", async () => {
    const { child, url } = await startWorkers();
    expect(await workersOf(child)).toHaveLength(2);
    // Whichever worker takes a connection, a run that the other one holds is seen.
    for (let run = 0; run < 4; run += 1) expect(await playRun(url)).toContain('"type":"run.completed"');
    const served = async (): Promise<number> => {
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      const lines = [...text.matchAll(/^hsafa_http_requests_total\{.*route="\/api\/runs".*\} (\d+)$/gm)];
      return lines.reduce((sum, [, count]) => sum + Number(count), 0);
    };
    await until("the requests of both are counted", async () => (await served()) === 4);
    child.kill("SIGTERM");
    const [code] = (await once(child, "exit")) as [number];
    expect(code).toBe(0);
  });

  test("a worker that is killed is started again, and the other one goes on meanwhile", async () => {
    const { child, said, url } = await startWorkers();
    const before = await workersOf(child);
    process.kill(before[0] ?? 0, "SIGKILL");
    expect(await playRun(url)).toContain('"type":"run.completed"');
    await until("two workers serve again", async () => {
      const now = await workersOf(child);
      return now.length === 2 && now.every((pid) => pid !== before[0]);
    });
    expect(said.join("\n")).toMatch(/worker 1 ended by SIGKILL; it is started again in \d+ s/);
    await until("the new worker tells its metrics", async () => (await gaugeOf(url, "hsafa_devices")) === 0);
    expect(await playRun(url)).toContain('"type":"run.completed"');
    child.kill("SIGTERM");
    await once(child, "exit");
  });

  test("workers end with the process that looks after them, however it ends", async () => {
    const { child } = await startWorkers();
    const workers = await workersOf(child);
    child.kill("SIGKILL");
    await until("no worker is left", () => workers.every((pid) => !isAlive(pid)));
  });

  test("a port that is taken ends the start with what the worker said", async () => {
    const { child, url } = await startWorkers();
    const second = startProgram({ ...settings, PORT: new URL(url).port });
    children.push(second);
    second.stdout?.resume();
    let told = "";
    second.stderr?.on("data", (piece) => (told += String(piece)));
    const [code] = (await once(second, "exit")) as [number];
    expect(code).toBe(1);
    expect(told).toContain("EADDRINUSE");
    child.kill("SIGTERM");
    await once(child, "exit");
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
