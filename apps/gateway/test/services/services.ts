/**
 * The services that tests need: Postgres, Redis, PgBouncer, Chromium.
 *
 *     const missing = await missingServices("postgres");
 *     describe.skipIf(missing)("the store on Postgres", () => { … await freshDatabase() … });
 *
 * `DATABASE_URL` and `REDIS_URL` name servers to use; tests do not touch what these hold. Without them throwaway
 * servers are started.
 */
import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { inject, type ProvidedContext } from "vitest";
import {
  findChromium,
  findNginx,
  findPgbouncer,
  findPgDump,
  findPostgres,
  findRedis,
  type Found,
} from "./find-program.ts";

export { startFailedOverPostgres, startRestoredPostgres } from "./lossy-postgres.ts";
export { startPrivatePostgres } from "./postgres-server.ts";
export { startPrivateRedis } from "./redis-server.ts";
export type { ThrowawayServer } from "./throwaway-server.ts";

/** `private-…` is a server that a test may stop or kill, so a given server does not serve. */
export type ServiceName =
  | "postgres"
  | "redis"
  | "private-postgres"
  | "private-redis"
  | "pg_dump"
  | "pgbouncer"
  | "nginx"
  | "chromium";

const finders: Record<ServiceName, () => Promise<Found>> = {
  postgres: () => given("DATABASE_URL") ?? findPostgres(),
  redis: () => given("REDIS_URL") ?? findRedis(),
  "private-postgres": findPostgres,
  "private-redis": findRedis,
  pg_dump: findPgDump,
  pgbouncer: findPgbouncer,
  nginx: findNginx,
  chromium: findChromium,
};

/** Returns whether one of these is missing, and prints why. For `describe.skipIf`, at the top of a test file. */
export async function missingServices(...names: ServiceName[]): Promise<boolean> {
  let missing = false;
  for (const name of names) {
    const found = await finders[name]();
    if (found.kind === "found") continue;
    missing = true;
    console.warn(`SKIPPED: the tests of this file that need ${name}, because ${found.reason}.`);
  }
  return missing;
}

export interface FreshDatabase {
  readonly url: string;
  /** Removes the database, even while clients are connected. */
  drop(): Promise<void>;
}

/** Makes an empty database on the shared Postgres, for one test file or one test. The caller drops it. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const serverUrl = await sharedServer("postgres");
  const name = `hsafa_test_${randomUUID().replaceAll("-", "")}`;
  await administer(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(serverUrl, `drop database if exists ${name} with (force)`) };
}

/** Returns the shared Redis, for tests that use only keys of their own runs. Others use `startPrivateRedis`. */
export function redisUrl(): Promise<string> {
  return sharedServer("redis");
}

async function sharedServer(name: "postgres" | "redis"): Promise<string> {
  const { sharedServersUrl }: Partial<ProvidedContext> = { sharedServersUrl: inject("sharedServersUrl") };
  if (sharedServersUrl === undefined)
    throw new Error(`a unit test needs no ${name}: name this file *.contract.test.ts`);
  const response = await fetch(`${sharedServersUrl}/${name}`);
  const body = await response.text();
  if (!response.ok) throw new Error(`the shared ${name} server did not start: ${body}`);
  return body;
}

async function administer(serverUrl: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

function given(variable: "DATABASE_URL" | "REDIS_URL"): Promise<Found> | undefined {
  const url = process.env[variable];
  return url === undefined ? undefined : Promise.resolve({ kind: "found", path: url });
}
