import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 } from "uuid";
import { newApiKey } from "../../src/access/api-key.ts";
import { startPrivatePostgres, startPrivateRedis } from "../services/services.ts";
import { addTenant, queryDatabase } from "../support/add-tenant.ts";
import { LineProcess } from "./line-process.ts";

const GATEWAY_PROGRAM = join(import.meta.dirname, "../../src/main.ts");
const RSS_EVERY_MS = 100;
const BYTES_PER_KB = 1024;

/** One gateway on Postgres and Redis, with a hostile tenant and a quiet one. */
export interface Target {
  readonly url: string;
  readonly hostileKey: string;
  readonly quietKey: string;
  /** The most resident memory since this was last asked for, in bytes. */
  takePeakRssBytes(): number;
  /** Stops the gateway and its services. */
  remove(): Promise<void>;
}

export interface Services {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Gives Postgres as much of the processor as a gateway has: in production it has a machine of its own. */
  weighPostgres(): void;
  remove(): Promise<void>;
}

export async function startServices(): Promise<Services> {
  const [postgres, redis] = await Promise.all([startPrivatePostgres(), startPrivateRedis()]);
  return {
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    weighPostgres: () => postgres.weighAsOne(),
    async remove() {
      await Promise.all([postgres.remove(), redis.remove()]);
    },
  };
}

/** Starts a gateway on a database of its own. `providerUrl`: what `openai-compatible` models are asked at. */
export async function startTarget(services: Services, providerUrl: string): Promise<Target> {
  const databaseUrl = await makeDatabase(services.databaseUrl);
  const dataDir = await mkdtemp(join(tmpdir(), "hsafa-abuse-"));
  const hostileKey = newApiKey();
  const gateway = new LineProcess(GATEWAY_PROGRAM, [], {
    PORT: "0",
    DATABASE_URL: databaseUrl,
    REDIS_URL: services.redisUrl,
    HSAFA_DATA_DIR: dataDir,
    HSAFA_ADMIN_KEY: hostileKey,
    HSAFA_JWT_SECRET: newApiKey(),
    OPENAI_COMPATIBLE_BASE_URL: providerUrl,
    OPENAI_COMPATIBLE_API_KEY: "none",
  });
  const url = await listeningUrl(gateway);
  const quietKey = await addTenant(databaseUrl, "quiet");
  let peakBytes = 0;
  const sampling = setInterval(() => {
    peakBytes = Math.max(peakBytes, residentBytes(gateway.pid));
  }, RSS_EVERY_MS);
  return {
    url,
    hostileKey,
    quietKey,
    takePeakRssBytes() {
      const peak = Math.max(peakBytes, residentBytes(gateway.pid));
      peakBytes = 0;
      return peak;
    },
    async remove() {
      clearInterval(sampling);
      await gateway.end("SIGKILL");
      await rm(dataDir, { recursive: true });
    },
  };
}

async function listeningUrl(gateway: LineProcess): Promise<string> {
  for (;;) {
    const url = /^listening on (\S+)$/.exec(await gateway.line())?.[1];
    if (url !== undefined) return url;
  }
}

async function makeDatabase(serverUrl: string): Promise<string> {
  const url = new URL(serverUrl);
  url.pathname = `/abuse_${v7().replaceAll("-", "")}`;
  await queryDatabase(serverUrl, `create database ${url.pathname.slice(1)}`);
  return url.href;
}

/** Resident memory of a process; 0 if it has ended. Linux alone tells it here. */
function residentBytes(pid: number): number {
  try {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Number(line?.[1] ?? 0) * BYTES_PER_KB;
  } catch {
    return 0;
  }
}
