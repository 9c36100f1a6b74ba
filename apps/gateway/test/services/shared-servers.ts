/**
 * Vitest's global set-up: one Postgres and one Redis for all test files of this run. They are started when the first
 * file asks, so a run of unit tests pays for neither, and they belong to this process alone, so several runs on one
 * machine do not meet.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { createClient } from "redis";
import type { TestProject } from "vitest/node";
import { startPrivatePostgres } from "./postgres-server.ts";
import { startPrivateRedis } from "./redis-server.ts";
import type { ThrowawayServer } from "./throwaway-server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Answers `GET /postgres` and `GET /redis` with the address of the server, which it starts when first asked. */
    sharedServersUrl: string;
  }
}

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const started: ThrowawayServer[] = [];
  const addresses = new Map<string, Promise<string>>();

  async function start(startServer: () => Promise<ThrowawayServer>): Promise<string> {
    const server = await startServer();
    started.push(server);
    return server.url;
  }

  const starters: Record<string, () => Promise<string>> = {
    "/postgres": async () => process.env["DATABASE_URL"] ?? (await start(startPrivatePostgres)),
    "/redis": async () => (await emptyDatabaseOfGivenRedis()) ?? (await start(startPrivateRedis)),
  };

  const broker = createServer((request, response) => {
    const path = request.url ?? "";
    const starter = starters[path];
    if (starter === undefined) {
      response.writeHead(404).end(`no shared server ${path}`);
      return;
    }
    const address = addresses.get(path) ?? starter();
    addresses.set(path, address);
    address.then(
      (url) => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  }).listen(0, "127.0.0.1");
  await once(broker, "listening");
  const address = broker.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has an address with a port");
  project.provide("sharedServersUrl", `http://127.0.0.1:${address.port}`);

  return async () => {
    broker.closeAllConnections();
    broker.close();
    await Promise.allSettled(addresses.values());
    await Promise.all(started.map((server) => server.remove()));
  };
}

/** The first of the given Redis's 16 databases that holds nothing: a database in use is never touched. */
async function emptyDatabaseOfGivenRedis(): Promise<string | undefined> {
  const given = process.env["REDIS_URL"];
  if (given === undefined) return undefined;
  for (let index = 0; index < 16; index++) {
    const url = new URL(given);
    url.pathname = `/${index}`;
    const client = await createClient({ url: url.href }).connect();
    try {
      if ((await client.dbSize()) === 0) return url.href;
    } finally {
      await client.close();
    }
  }
  console.warn("REDIS_URL is not used: every one of its databases holds something. A throwaway Redis takes its place.");
  return undefined;
}
