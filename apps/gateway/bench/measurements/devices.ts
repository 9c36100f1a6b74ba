import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startPrivatePostgres } from "../../test/services/postgres-server.ts";
import { startPrivateRedis } from "../../test/services/redis-server.ts";
import { addTenant } from "../../test/support/add-tenant.ts";
import { type CollectedGateway, type Memory, startCollectedGateway } from "../collected-gateway.ts";
import { type Crowd, startCrowd } from "../crowd.ts";
import type { CrowdPlan, CrowdReport } from "../device-crowd.ts";
import type { Report } from "../report.ts";
import { workedMs, workedMsOfAll } from "../worked-ms.ts";
import type { Measurement } from "./measurement.ts";

/** How long clients are left alone before their memory is taken. */
const SETTLE_MS = 5000;
/** What the benchmark does of it. */
const SHORT = { count: 2000, tenants: 40, width: 200, parts: ["devices"] } as const;

/** What devices cost, and how fast they come back when their gateway dies. */
export const devices: Measurement = {
  name: "devices",
  does: `${SHORT.count.toLocaleString("en")} devices come back after their gateway was killed`,
  measure: () => measureDevices(SHORT),
};

/** What may be measured, in this order. */
export const DEVICE_PARTS = ["idle", "watchers", "devices"] as const;

export interface DeviceLoad {
  /** An even number. */
  readonly count: number;
  readonly tenants: number;
  /** Clients that await their admission at once. */
  readonly width: number;
  readonly parts: readonly (typeof DEVICE_PARTS)[number][];
}

/**
 * A Postgres and a Redis of their own are started, two gateways, and processes with as many clients. Measured is the
 * memory of an idle device and of an idle watcher. Then a gateway is killed, and its devices come back on the other
 * one. The CPU time of that is told as well, since it changes little on a busy machine.
 */
export async function measureDevices(load: DeviceLoad): Promise<readonly Report[]> {
  const postgres = await startPrivatePostgres();
  const redis = await startPrivateRedis();
  const client = new pg.Client(postgres.url);
  const gateways: CollectedGateway[] = [];
  const crowds: Crowd[] = [];
  try {
    await client.connect();
    const fleet: Fleet = {
      load,
      keys: [],
      postmaster: await postmasterOf(client),
      crowds,
      async startGateway() {
        const gateway = await startCollectedGateway({ databaseUrl: postgres.url, redisUrl: redis.url });
        gateways.push(gateway);
        return gateway;
      },
    };
    const reports: Report[] = [];
    if (load.parts.includes("idle")) reports.push(await measureIdle(fleet));
    // The first gateway makes the tables.
    else await (await fleet.startGateway()).stop();
    for (let nth = 0; nth < load.tenants; nth += 1) fleet.keys.push(await addTenant(postgres.url, `tenant-${nth}`));
    if (load.parts.includes("watchers")) reports.push(await measureWatchers(fleet));
    if (load.parts.includes("devices")) reports.push(...(await measureReturn(fleet)));
    return reports;
  } finally {
    for (const crowd of crowds) crowd.stop();
    for (const gateway of gateways) await gateway.stop();
    await client.end();
    await Promise.all([postgres.remove(), redis.remove()]);
  }
}

interface Fleet {
  readonly load: DeviceLoad;
  /** One of each tenant. */
  readonly keys: string[];
  /** The process of Postgres that all of its others are children of. */
  readonly postmaster: number;
  /** Those that were started. */
  readonly crowds: Crowd[];
  startGateway(): Promise<CollectedGateway>;
}

async function postmasterOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return Number(/PPid:\s+(\d+)/.exec(readFileSync(`/proc/${rows[0]?.pid}/status`, "utf8"))?.[1]);
}

async function measureIdle({ startGateway }: Fleet): Promise<Report> {
  const gateway = await startGateway();
  await sleep(3 * SETTLE_MS);
  const rss = gateway.residentKb();
  const { heap } = await gateway.memory();
  await gateway.stop();
  const mb = (kb: number): string => (kb / 1024).toFixed(1);
  return {
    title: "an idle gateway",
    table: [
      ["memory MB", "of it heap MB"],
      [mb(rss), mb(heap)],
    ],
    ratios: [],
  };
}

const WAITER = {
  name: "waiter",
  model: "demo/script",
  tools: [{ name: "outside", inputSchema: { type: "object" }, target: "external" }],
  settings: { providerOptions: { demo: { script: [[{ call: "outside", args: {} }], [{ say: "done" }]] } } },
};

async function measureWatchers(fleet: Fleet): Promise<Report> {
  const gateway = await fleet.startGateway();
  const runIds: string[] = [];
  // A run of each tenant that waits for ever.
  for (const key of fleet.keys) {
    await ask(gateway, key, "/api/agents", { name: WAITER.name, config: WAITER });
    const { runId } = await ask<{ runId: string }>(gateway, key, "/api/runs", { agent: WAITER.name, input: "wait" });
    runIds.push(runId);
  }
  const { crowds, report } = await measureMemory(fleet, gateway, "watcher", { runIds, ports: [portOf(gateway)] });
  for (const crowd of crowds) crowd.stop();
  await gateway.stop();
  return report;
}

async function ask<Body>({ url }: CollectedGateway, key: string, path: string, body: object): Promise<Body> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as Body;
}

const portOf = ({ url }: CollectedGateway): number => Number(new URL(url).port);

/**
 * Lets a half of the clients come, and then the other. What the second half costs is that of the clients alone: the
 * first one pays for what a busy gateway keeps once and for all.
 */
async function measureMemory(
  { load, keys, postmaster, crowds: started }: Fleet,
  gateway: CollectedGateway,
  kind: CrowdPlan["kind"],
  { runIds, ports }: Pick<CrowdPlan, "runIds" | "ports">,
): Promise<{ readonly crowds: readonly Crowd[]; readonly report: Report }> {
  const { count, width } = load;
  const half = count / 2;
  const crowds: Crowd[] = [];
  const figures: Memory[] = [];
  const [cpu, database] = [workedMs(gateway.pid), workedMsOfAll(postmaster)];
  for (let nth = 0; nth < 2; nth += 1) {
    const crowd = startCrowd({ keys, runIds, width, ports, kind, count: half, from: nth * half });
    crowds.push(crowd);
    started.push(crowd);
    await crowd.until(({ open }) => open === half);
    await sleep(SETTLE_MS);
    figures.push(await gateway.memory());
  }
  const [first, second] = figures;
  const each = (name: keyof Memory): string => (((second?.[name] ?? 0) - (first?.[name] ?? 0)) / half).toFixed(1);
  const perClient = (ms: number): string => (ms / count).toFixed(2);
  return {
    crowds,
    report: {
      title: `an idle ${kind} of ${count.toLocaleString("en")}, and its coming with ${(2 * SETTLE_MS) / 1000} s beside`,
      table: [
        ["memory kB", "of it heap kB", "of it outside kB", "CPU ms of the gateway", "CPU ms of Postgres"],
        [
          each("rss"),
          each("heap"),
          each("external"),
          perClient(workedMs(gateway.pid) - cpu),
          perClient(workedMsOfAll(postmaster) - database),
        ],
      ],
      ratios: [],
    },
  };
}

async function measureReturn(fleet: Fleet): Promise<readonly Report[]> {
  const { count, tenants } = fleet.load;
  const [gateway, other] = [await fleet.startGateway(), await fleet.startGateway()];
  const ports = [portOf(gateway), portOf(other)];
  const { crowds, report } = await measureMemory(fleet, gateway, "device", { runIds: [], ports });
  const [cpu, database] = [workedMs(other.pid), workedMsOfAll(fleet.postmaster)];
  const sumOf = (name: keyof CrowdReport): number => crowds.reduce((sum, crowd) => sum + crowd.report()[name], 0);
  const clients = sumOf("cpuMs");
  const killedAt = performance.now();
  await gateway.stop();
  const backAt = await Promise.all(crowds.map((crowd) => crowd.until(({ moved }) => moved === count / 2)));
  const seconds = (Math.max(...backAt) - killedAt) / 1000;
  const perDevice = (ms: number): string => (ms / count).toFixed(2);
  const title = `${count.toLocaleString("en")} devices of ${tenants} tenants, back after their gateway was killed`;
  return [
    report,
    {
      title,
      table: [
        ["s", "devices/s", "further connections", "vain ones", "CPU ms each: gateway", "Postgres", "the clients"],
        [
          seconds.toFixed(1),
          (count / seconds).toFixed(0),
          String(sumOf("closed") - count),
          String(sumOf("vain")),
          perDevice(workedMs(other.pid) - cpu),
          perDevice(workedMsOfAll(fleet.postmaster) - database),
          // They share the machine with what is measured.
          perDevice(sumOf("cpuMs") - clients),
        ],
      ],
      ratios: [
        { what: title, value: seconds, unit: " s", aim: null },
        { what: title, value: count / seconds, unit: " devices/s", aim: null },
      ],
    },
  ];
}
