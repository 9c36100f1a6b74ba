/**
 * What devices and watchers cost: `node apps/gateway/bench/devices.ts --count 5000 --tenants 40`. A Postgres and a
 * Redis of its own are started, two gateways, and a process with as many clients. It prints the memory of an
 * idle device and of an idle watcher. Then a gateway is killed, and it prints how fast its devices come back on the
 * other one. The CPU time of that is printed as well, since it changes little on a busy machine.
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pg from "pg";
import { addTenant } from "../test/support/add-tenant.ts";
import { listeningUrl, MAIN } from "../test/support/gateway-program.ts";
import { programEnv } from "../test/support/program-env.ts";
import { startPrivatePostgres } from "../test/services/postgres-server.ts";
import { startPrivateRedis } from "../test/services/redis-server.ts";
import type { CrowdPlan, CrowdReport } from "./device-crowd.ts";

const KEY = "hsafa_bench_operator_key_0123456789abcdef";
const TICK_MS = 10;
const LOOK_MS = 20;
/** How long clients are left alone before their memory is taken. */
const SETTLE_MS = 5000;
const { values } = parseArgs({
  options: {
    count: { type: "string", default: "5000" },
    tenants: { type: "string", default: "40" },
    width: { type: "string", default: "200" },
    parts: { type: "string", default: "idle,devices,watchers" },
  },
});
const [count, tenants, width] = [Number(values.count), Number(values.tenants), Number(values.width)];
const parts = new Set(values.parts.split(","));

const postgres = await startPrivatePostgres();
const redis = await startPrivateRedis();

interface Gateway {
  readonly child: ChildProcess;
  readonly url: string;
  readonly lines: Interface;
}

async function startGateway(): Promise<Gateway> {
  const preload = fileURLToPath(new URL("collect-on-signal.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", preload, MAIN], {
    env: {
      ...programEnv(),
      PORT: "0",
      DATABASE_URL: postgres.url,
      REDIS_URL: redis.url,
      HSAFA_ADMIN_KEY: KEY,
      HSAFA_JWT_SECRET: "a secret that the gateway of a measurement signs its tokens with",
      HSAFA_DEMO_MODELS: "on",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (child.stderr === null) throw new Error("the gateway has no standard error");
  // Also when a measurement fails.
  process.on("exit", () => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stderr });
  const url = await listeningUrl(child);
  child.stdout?.resume();
  return { child, url, lines };
}

async function stop({ child }: Gateway, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  child.kill(signal);
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** Collects garbage, and returns the resident memory and what the heap holds, in kB. */
async function memoryOf({ child, lines }: Gateway): Promise<{ rss: number; heap: number; external: number }> {
  const collected = new Promise<string>((resolve) => {
    const hear = (line: string): void => {
      const text = /^collected (.*)$/.exec(line)?.[1];
      if (text === undefined) return;
      lines.off("line", hear);
      resolve(text);
    };
    lines.on("line", hear);
  });
  child.kill("SIGUSR2");
  const said = await collected;
  const { heapUsed, external } = JSON.parse(said) as { heapUsed: number; external: number };
  const rss = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]);
  return { rss, heap: heapUsed / 1024, external: external / 1024 };
}

/** User and system time of a process so far, in ms. */
function workedMs(pid: number | undefined): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Of all processes of Postgres so far, those that have ended included. */
function postgresMs(): number {
  const fieldsOf = (pid: number): string[] => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  };
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, "utf8")
    .trim()
    .split(" ")
    .map(Number);
  const own = fieldsOf(postmaster);
  const ended = Number(own[13]) + Number(own[14]);
  return children.reduce((sum, pid) => sum + workedMs(pid), ended * TICK_MS + workedMs(postmaster));
}

const asked = new pg.Client(postgres.url);
await asked.connect();
const { rows } = await asked.query<{ pid: number }>("select pg_backend_pid() as pid");
const postmaster = Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${rows[0]?.pid}/status`, "utf8"))?.[1]);

async function ask<Body>(gateway: Gateway, key: string, path: string, body: object): Promise<Body> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(gateway.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Body;
}

interface Crowd {
  readonly report: () => CrowdReport;
  /** Resolves with the time of the first report for which this holds. */
  readonly until: (holds: (report: CrowdReport) => boolean) => Promise<number>;
  stop(): void;
}

function startCrowd(plan: CrowdPlan): Crowd {
  const child = fork(fileURLToPath(new URL("device-crowd.ts", import.meta.url)));
  let report: CrowdReport = { open: 0, admissions: 0, closed: 0 };
  let heardAt = 0;
  child.on("message", (told: CrowdReport) => {
    report = told;
    heardAt = performance.now();
  });
  child.send(plan);
  return {
    report: () => report,
    stop: () => void child.kill(),
    async until(holds) {
      while (!holds(report)) await sleep(LOOK_MS);
      return heardAt;
    },
  };
}

const portOf = ({ url }: Gateway): number => Number(new URL(url).port);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/**
 * Lets a half of the clients come, and then the other. What the second half costs is that of the clients alone: the
 * first one pays for what a busy gateway keeps once and for all.
 */
async function measureMemory(
  gateway: Gateway,
  what: CrowdPlan["kind"],
  plan: Omit<CrowdPlan, "kind" | "count" | "from">,
) {
  const half = Math.round(count / 2);
  const crowds: Crowd[] = [];
  const figures: Awaited<ReturnType<typeof memoryOf>>[] = [];
  const [cpu, database] = [workedMs(gateway.child.pid), postgresMs()];
  for (let nth = 0; nth < 2; nth += 1) {
    const crowd = startCrowd({ ...plan, kind: what, count: half, from: nth * half });
    crowds.push(crowd);
    await crowd.until(({ open }) => open === half);
    await sleep(SETTLE_MS);
    figures.push(await memoryOf(gateway));
  }
  const [first, second] = figures;
  const each = (name: "rss" | "heap" | "external"): string =>
    (((second?.[name] ?? 0) - (first?.[name] ?? 0)) / half).toFixed(1);
  const perClient = (ms: number): string => (ms / count).toFixed(2);
  say(
    `an idle ${what}: ${each("rss")} kB of memory (heap ${each("heap")}, outside ${each("external")}); its coming, with ` +
      `${(2 * SETTLE_MS) / 1000} s beside: ${perClient(workedMs(gateway.child.pid) - cpu)} ms of CPU of the gateway and ` +
      `${perClient(postgresMs() - database)} of Postgres`,
  );
  return crowds;
}

const CONFIG = {
  name: "waiter",
  model: "demo/script",
  tools: [{ name: "outside", inputSchema: { type: "object" }, target: "external" }],
  settings: { providerOptions: { demo: { script: [[{ call: "outside", args: {} }], [{ say: "done" }]] } } },
};

/** A run of each tenant that waits for ever. */
async function waitingRuns(gateway: Gateway, keys: readonly string[]): Promise<readonly string[]> {
  const started: string[] = [];
  for (const key of keys) {
    await ask(gateway, key, "/api/agents", { name: CONFIG.name, config: CONFIG });
    const { runId } = await ask<{ runId: string }>(gateway, key, "/api/runs", { agent: CONFIG.name, input: "wait" });
    started.push(runId);
  }
  return started;
}

let gateway = await startGateway();
if (parts.has("idle")) {
  await sleep(3 * SETTLE_MS);
  const rss = Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gateway.child.pid}/status`, "utf8"))?.[1]);
  const { heap } = await memoryOf(gateway);
  say(`an idle gateway: ${(rss / 1024).toFixed(0)} MB of memory, ${(heap / 1024).toFixed(1)} MB of heap`);
}
const keys: string[] = [];
for (let nth = 0; nth < tenants; nth += 1) keys.push(await addTenant(postgres.url, `tenant-${nth}`));

if (parts.has("watchers")) {
  const runIds = await waitingRuns(gateway, keys);
  const crowds = await measureMemory(gateway, "watcher", { keys, runIds, width, ports: [portOf(gateway)] });
  for (const crowd of crowds) crowd.stop();
  await stop(gateway);
  gateway = await startGateway();
}
if (parts.has("devices")) {
  const other = await startGateway();
  const ports = [portOf(gateway), portOf(other)];
  const crowds = await measureMemory(gateway, "device", { keys, runIds: [], width, ports });
  const [cpu, database] = [workedMs(other.child.pid), postgresMs()];
  const killedAt = performance.now();
  await stop(gateway);
  const isBack = ({ open, admissions }: CrowdReport): boolean => 2 * open === admissions;
  const backAt = await Promise.all(crowds.map((crowd) => crowd.until(isBack)));
  const seconds = (Math.max(...backAt) - killedAt) / 1000;
  const perDevice = (ms: number): string => (ms / count).toFixed(2);
  const failed = crowds.reduce((sum, crowd) => sum + crowd.report().closed, 0) - count;
  say(
    `${count} devices of ${tenants} tenants were back ${seconds.toFixed(1)} s after their gateway was killed ` +
      `(${(count / seconds).toFixed(0)} a second, ${failed} vain attempts)\nCPU of each: ` +
      `${perDevice(workedMs(other.child.pid) - cpu)} ms of the gateway, ${perDevice(postgresMs() - database)} of Postgres`,
  );
  for (const crowd of crowds) crowd.stop();
  await stop(other);
}
await stop(gateway);
await asked.end();
await Promise.all([postgres.stop(), redis.stop()]);
