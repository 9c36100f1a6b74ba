/**
 * What tests need from outside: Postgres, Redis, Chromium.
 *
 *     const missing = await missingServices("postgres");
 *     describe.skipIf(missing)("the store on Postgres", () => { … await freshDatabase() … });
 *
 * `DATABASE_URL` and `REDIS_URL` name servers to use, and nothing that they hold is touched; without them throwaway
 * servers are started.
 */
import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { inject, type ProvidedContext } from "vitest";
import { findChromium, findPostgres, findRedis, type Found } from "./find-program.ts";

export { startPrivatePostgres } from "./postgres-server.ts";
export { startPrivateRedis } from "./redis-server.ts";
export type { ThrowawayServer } from "./throwaway-server.ts";

/** `private-…`: a server that a test may stop or kill, so one that was given from outside will not do. */
export type ServiceName = "postgres" | "redis" | "private-postgres" | "private-redis" | "chromium";

const finders: Record<ServiceName, () => Promise<Found>> = {
  postgres: () => given("DATABASE_URL") ?? findPostgres(),
  redis: () => given("REDIS_URL") ?? findRedis(),
  "private-postgres": findPostgres,
  "private-redis": findRedis,
  chromium: findChromium,
};

/** Whether one of these cannot be had, which it also says loudly. For `describe.skipIf`, at the top of a test file. */
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
  /** Removes it, whoever is still connected. */
  drop(): Promise<void>;
}

/** A new, empty database on the shared Postgres, for one test file or one test. The caller drops it. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const serverUrl = await sharedServer("postgres");
  const name = `hsafa_test_${randomUUID().replaceAll("-", "")}`;
  await administer(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(serverUrl, `drop database if exists ${name} with (force)`) };
}

/**
 * The shared Redis: for tests that keep to keys of their own runs. One that flushes or kills it takes
 * `startPrivateRedis`.
 */
export function redisUrl(): Promise<string> {
  return sharedServer("redis");
}

/** For playwright-core's `executablePath`; as root it must be launched with `--no-sandbox`. */
export async function chromiumPath(): Promise<string> {
  const found = await findChromium();
  if (found.kind === "missing") throw new Error(`no Chromium: ${found.reason}`);
  return found.path;
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
