import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@redis/client";
import pg from "pg";
import { newApiKey } from "../../src/access/api-key.ts";
import { type Services, startServices } from "../abuse/target.ts";
import { type Held, MeasuredProcess } from "../support/measured-process.ts";

/** Gateways under a soak, and what they rest on. */
export interface SoakTarget {
  /** One URL for each gateway. */
  readonly urls: readonly string[];
  /** The operator's key. */
  readonly key: string;
  /** Where a tool's service answers. */
  readonly toolUrl: string;
  /** Collects garbage in each gateway, and measures what it and the services hold. */
  measure(): Promise<Measured>;
  /** How the first gateway that ended did so; null while all live. */
  ended(): string | null;
  /** The last lines of the gateways' logs. */
  log(): string;
  remove(): Promise<void>;
}

export interface Measured {
  readonly gateways: readonly Held[];
  /** What the services hold; null for an embedded gateway. */
  readonly services: ServicesHeld | null;
}

export interface ServicesHeld {
  readonly postgresConnections: number;
  readonly redisConnections: number;
  readonly redisKeys: number;
  readonly redisBytes: number;
}

/**
 * How long the live log keeps a run in a soak, in milliseconds. It is an hour otherwise: then a soak of an hour would
 * see it fill, and no more.
 */
const LIVE_LOG_TTL_MS = 30_000;

/** Starts a gateway that keeps everything in a folder, or two on Postgres and Redis of their own. */
export async function startSoakTarget(params: {
  readonly isFleet: boolean;
  /** A leak to plant: so many bytes stay for each request. */
  readonly leakBytes: number;
}): Promise<SoakTarget> {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-soak-"));
  const key = newApiKey();
  const toolServer = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.setHeader("content-type", "application/json").end('{"done":true}'));
  });
  await new Promise<void>((resolve) => toolServer.listen(0, "127.0.0.1", resolve));
  const services = params.isFleet ? await startServices() : null;
  const watched = services === null ? null : await watchServices(services);
  const secret = newApiKey();
  const start = (index: number): MeasuredProcess =>
    new MeasuredProcess({
      HSAFA_DATA_DIR: join(folder, String(index)),
      HSAFA_ADMIN_KEY: key,
      HSAFA_JWT_SECRET: secret,
      HSAFA_SECRETS_KEY: secret,
      HSAFA_OUTBOUND_ALLOW: "127.0.0.1",
      HSAFA_TEST_LIVE_LOG_TTL_MS: String(LIVE_LOG_TTL_MS),
      HSAFA_TEST_LEAK_BYTES: String(params.leakBytes),
      ...(services === null ? {} : { DATABASE_URL: services.databaseUrl, REDIS_URL: services.redisUrl }),
    });
  const gateways: MeasuredProcess[] = [];
  const urls: string[] = [];
  // One after the other, because the first one migrates the database.
  for (let index = 0; index < (params.isFleet ? 2 : 1); index += 1) {
    const gateway = start(index);
    gateways.push(gateway);
    urls.push(await gateway.listeningUrl());
  }
  return {
    urls,
    key,
    toolUrl: `http://127.0.0.1:${(toolServer.address() as AddressInfo).port}`,
    async measure() {
      const held = await Promise.all(gateways.map((gateway) => gateway.held()));
      return { gateways: held, services: watched === null ? null : await watched.measure() };
    },
    ended: () => gateways.find(({ ended }) => ended !== null)?.ended ?? null,
    log: () => gateways.map(({ log }) => log).join("\n"),
    async remove() {
      await Promise.all(gateways.map((gateway) => gateway.end()));
      await watched?.close();
      await services?.remove();
      toolServer.closeAllConnections();
      await new Promise<void>((resolve) => toolServer.close(() => resolve()));
      rmSync(folder, { recursive: true });
    },
  };
}

/** Counts what others hold at Postgres and Redis. */
async function watchServices({ databaseUrl, redisUrl }: Services) {
  const postgres = new pg.Client({ connectionString: databaseUrl });
  await postgres.connect();
  const redis = createClient({ url: redisUrl });
  await redis.connect();
  return {
    async measure(): Promise<ServicesHeld> {
      const { rows } = await postgres.query<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid()`,
      );
      const info = await redis.info();
      const ofInfo = (name: string): number => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
      return {
        postgresConnections: rows[0]?.count ?? 0,
        redisConnections: ofInfo("connected_clients") - 1,
        redisKeys: await redis.dbSize(),
        redisBytes: ofInfo("used_memory"),
      };
    },
    async close() {
      await postgres.end();
      redis.destroy();
    },
  };
}
