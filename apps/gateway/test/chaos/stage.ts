import type { ChildProcess } from "node:child_process";
import { connect } from "node:net";
import { join } from "node:path";
import { type Client, createClient } from "@hsafa/client";
import { createFiles, type Files } from "@hsafa/client/files";
import pg from "pg";
import { type FakeS3, S3_BUCKET, S3_KEY, S3_REGION, startFakeS3 } from "../support/fake-s3-server.ts";
import { startPrivatePostgres } from "../services/postgres-server.ts";
import { startPrivateRedis } from "../services/redis-server.ts";
import type { ThrowawayServer } from "../services/throwaway-server.ts";
import { chaosAgents } from "./agent.ts";
import { untilAnswered } from "./calls.ts";
import { createGatewayProcess, GATEWAY_PROGRAM, type GatewayProcess, tailOf } from "./gateway-process.ts";
import { type Link, openLink } from "./link.ts";
import type { FromWatchWorker, ToDeviceWorker, ToWatchWorker } from "./messages.ts";
import { openProcesses, type Processes } from "./processes.ts";
import { startToolServer, type ToolServer } from "./tool-server.ts";

export interface StageParams {
  readonly gateways: number;
  readonly leaseMs: number;
  readonly watchWorkers: number;
  readonly deviceWorkers: number;
  readonly devicesPerWorker: number;
  /** The longest execution of a tool, in milliseconds. */
  readonly workMaxMs: number;
  readonly gatewayProgram?: string;
  /** Where the gateways keep files; left out: in the database. */
  readonly filesIn?: "database" | "bucket";
  /** Starts another database than a single Postgres. `settings` are lines of `postgresql.conf`. */
  readonly startPostgres?: (settings: readonly string[]) => Promise<ThrowawayServer>;
}

/** A process of watchers. */
export interface WatchWorker {
  tell(message: ToWatchWorker): void;
  onMessage(listener: (message: FromWatchWorker) => void): void;
}

export interface DeviceWorker {
  readonly deviceKeys: readonly string[];
  /** Resolves when one of its devices begins a call, or after `withinMs`. */
  busy(withinMs: number): Promise<void>;
  /** Kills the process by SIGKILL. */
  kill(): Promise<void>;
  start(): void;
}

/** A fleet with everything around it. Every connection goes through a link, which has one index for each gateway. */
export interface Stage {
  readonly folder: string;
  readonly client: Client;
  /** Calls about files, through the door of callers. */
  readonly files: Files;
  readonly postgres: ThrowawayServer;
  readonly redis: ThrowawayServer;
  readonly gateways: readonly GatewayProcess[];
  readonly watchWorkers: readonly WatchWorker[];
  readonly deviceWorkers: readonly DeviceWorker[];
  /** Keys of the devices whose memory outlives a kill. */
  readonly rememberingDevices: ReadonlySet<string>;
  readonly toolServer: ToolServer;
  readonly links: {
    /** Each gateway's own link to Postgres and to Redis. */
    readonly toPostgres: readonly Link[];
    readonly toRedis: readonly Link[];
    /** One door each for watchers, devices and callers. Behind each door are all gateways. */
    readonly watchers: Link;
    readonly devices: Link;
    readonly callers: Link;
  };
  readonly executionsFile: string;
  /** Where files are kept; null: in the database. */
  readonly bucket: FakeS3 | null;
  /** What should not have happened so far: processes that ended by themselves. */
  readonly troubles: readonly string[];
  /** Queries Postgres directly, not through a link. Returns null while it is away. */
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[] | null>;
  /** Ends everything, and returns what was left behind: processes and listening ports. */
  close(): Promise<string[]>;
}

const API_KEY = "hsafa_chaos_operator_key_0123456789abcdef";

/** What tells a gateway to keep files there. */
function bucketSettings({ url }: FakeS3): Readonly<Record<string, string>> {
  return {
    HSAFA_S3_BUCKET: S3_BUCKET,
    HSAFA_S3_ENDPOINT: url,
    HSAFA_S3_REGION: S3_REGION,
    HSAFA_S3_ACCESS_KEY_ID: S3_KEY.accessKeyId,
    HSAFA_S3_SECRET_ACCESS_KEY: S3_KEY.secretAccessKey,
  };
}

export async function setStage(params: StageParams): Promise<Stage> {
  const closers: (() => Promise<unknown>)[] = [];
  const ports: number[] = [];
  const troubles: string[] = [];
  const { startPostgres = (settings) => startPrivatePostgres({ settings }) } = params;
  const processes = await openProcesses();
  closers.push(() => processes.close());
  try {
    const [postgres, redis, toolServer, bucket] = await Promise.all([
      // Checks use Postgres's times of commits, because the gateways' clocks differ by a network's delay.
      startPostgres(["track_commit_timestamp=on"]),
      startPrivateRedis(),
      startToolServer(params),
      params.filesIn === "bucket" ? startFakeS3() : null,
    ]);
    closers.push(
      () => postgres.remove(),
      () => redis.remove(),
      () => toolServer.close(),
    );
    ports.push(portOf(postgres.url), portOf(redis.url), portOf(toolServer.url));
    if (bucket !== null) {
      closers.push(() => bucket.close());
      ports.push(portOf(bucket.url));
    }

    const links = await openLinks(
      params.gateways,
      { postgres: portOf(postgres.url), redis: portOf(redis.url) },
      (link) => {
        closers.push(() => link.close());
        ports.push(link.port);
      },
    );
    const doors = [links.watchers, links.devices, links.callers];

    const gateways: readonly GatewayProcess[] = Array.from({ length: params.gateways }, (_, index) =>
      createGatewayProcess({
        index,
        processes,
        program: params.gatewayProgram ?? GATEWAY_PROGRAM,
        env: {
          PORT: "0",
          HSAFA_DATA_DIR: processes.folder,
          HSAFA_ADMIN_KEY: API_KEY,
          HSAFA_JWT_SECRET: "a secret that every gateway of the chaos signs with",
          // The services of the agents' tools are on this machine.
          HSAFA_OUTBOUND_ALLOW: "127.0.0.1",
          HSAFA_LEASE_MS: String(params.leaseMs),
          DATABASE_URL: withPort(postgres.url, links.toPostgres[index]?.port),
          REDIS_URL: withPort(redis.url, links.toRedis[index]?.port),
          ...(bucket === null ? {} : bucketSettings(bucket)),
        },
        onPort: (port) => {
          for (const door of doors) door.retarget(index, port);
        },
        onUnasked: (what) => {
          troubles.push(what);
          // A supervisor would restart it.
          void gateways[index]?.start();
        },
      }),
    );
    // One after the other, because the first one migrates the database.
    for (const gateway of gateways) await gateway.start();

    const caller = { url: urlOf(links.callers), token: API_KEY };
    const client = createClient(caller);
    for (const config of chaosAgents(toolServer.url))
      await untilAnswered((signal) => client.agents.push({ name: config.name, config }, { signal }));

    const watchWorkers = Array.from({ length: params.watchWorkers }, () =>
      startWatchWorker(processes, urlOf(links.watchers), () => troubles.push("a process of watchers ended")),
    );
    const executionsFile = join(processes.folder, "executions");
    const deviceOrders = planDevices(params, { url: urlOf(links.devices), executionsFile, folder: processes.folder });
    const deviceWorkers = deviceOrders.map((order) => createDeviceWorker(processes, order));
    for (const worker of deviceWorkers) worker.start();
    const remembering = deviceOrders.flatMap(({ devices }) => devices.filter(({ memoryFile }) => memoryFile !== null));
    const rememberingDevices = new Set(remembering.map(({ deviceKey }) => deviceKey));

    const pool = new pg.Pool({ connectionString: postgres.url, max: 2, connectionTimeoutMillis: 2000 });
    pool.on("error", () => {});
    closers.push(() => pool.end());

    const stage: Stage = {
      folder: processes.folder,
      client,
      files: createFiles(caller),
      postgres,
      redis,
      gateways,
      watchWorkers,
      deviceWorkers,
      rememberingDevices,
      toolServer,
      links,
      executionsFile,
      bucket,
      troubles,
      async query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
        try {
          return (await pool.query<Row>(text, [...values])).rows;
        } catch {
          return null;
        }
      },
      async close() {
        const pids = processes.alive();
        for (const gateway of gateways) gateway.signal("SIGTERM");
        const ends = await Promise.all(
          gateways.map(async (gateway) => ({ ...(await gateway.ended()), said: tailOf(gateway.logFile) })),
        );
        const exits = ends.flatMap(({ code, signal, said }, index) =>
          code === 0 ? [] : [`gateway ${index}, which ended with ${code ?? signal} (${said}),`],
        );
        for (const close of closers.toReversed()) await close();
        const left = await Promise.all(ports.map(async (port) => ((await isListening(port)) ? [`port ${port}`] : [])));
        return [...exits, ...pids.filter(isAlive).map((pid) => `process ${pid}`), ...left.flat()];
      },
    };
    return stage;
  } catch (error) {
    for (const close of closers.toReversed()) await close();
    throw error;
  }
}

/** Opens every link of a fleet of `count` gateways. `onOpen` gets each one. */
async function openLinks(
  count: number,
  ports: { readonly postgres: number; readonly redis: number },
  onOpen: (link: Link) => void,
): Promise<Stage["links"]> {
  const link = async (targets: readonly (number | null)[]): Promise<Link> => {
    const opened = await openLink(targets);
    onOpen(opened);
    return opened;
  };
  const each = (port: number): Promise<Link[]> => Promise.all(Array.from({ length: count }, () => link([port])));
  const door = (): Promise<Link> => link(Array.from({ length: count }, () => null));
  return {
    toPostgres: await each(ports.postgres),
    toRedis: await each(ports.redis),
    watchers: await door(),
    devices: await door(),
    callers: await door(),
  };
}

/** Returns one order for each process of devices. Every second device keeps its memory on disk. */
function planDevices(
  { deviceWorkers, devicesPerWorker, workMaxMs }: StageParams,
  { url, executionsFile, folder }: { readonly url: string; readonly executionsFile: string; readonly folder: string },
): ToDeviceWorker[] {
  return Array.from({ length: deviceWorkers }, (_, worker) => ({
    url,
    apiKey: API_KEY,
    devices: Array.from({ length: devicesPerWorker }, (__, device) => {
      const deviceKey = `device-${worker}-${device}`;
      return { deviceKey, memoryFile: device % 2 === 0 ? join(folder, `${deviceKey}.memory`) : null };
    }),
    executionsFile,
    workMaxMs,
  }));
}

function startWatchWorker(processes: Processes, url: string, onExit: () => void): WatchWorker {
  const child = startWorker(processes, "watch-worker.ts");
  child.once("exit", onExit);
  const worker: WatchWorker = {
    tell: (message) => void child.send(message),
    onMessage: (listener) => void child.on("message", listener),
  };
  worker.tell({ kind: "hello", url, apiKey: API_KEY });
  return worker;
}

function startWorker(processes: Processes, name: string): ChildProcess {
  return processes.start(join(import.meta.dirname, name), { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

function createDeviceWorker(processes: Processes, order: ToDeviceWorker): DeviceWorker {
  let child: ChildProcess | null = null;
  return {
    deviceKeys: order.devices.map(({ deviceKey }) => deviceKey),
    busy: (withinMs) =>
      new Promise((resolve) => {
        const listened = child;
        const end = (): void => {
          clearTimeout(timer);
          listened?.off("message", end);
          resolve();
        };
        const timer = setTimeout(end, withinMs);
        // A device worker sends no other message.
        listened?.on("message", end);
      }),
    start() {
      child = startWorker(processes, "device-worker.ts");
      child.send(order);
    },
    async kill() {
      const killed = child;
      if (killed === null) return;
      child = null;
      await new Promise<void>((resolve) => {
        killed.once("exit", () => resolve());
        killed.kill("SIGKILL");
      });
    },
  };
}

function urlOf(door: Link): string {
  return `http://127.0.0.1:${door.port}`;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

function withPort(url: string, port: number | undefined): string {
  const changed = new URL(url);
  changed.port = String(port);
  return changed.href;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
