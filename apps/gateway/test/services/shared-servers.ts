/**
 * Vitest's global setup for the projects that need servers: one Postgres and one Redis for all test files of a run.
 *
 * 1. A run of unit tests alone does not load this file: only the projects that need it name it in `vitest.config.ts`.
 * 2. Each server starts when the first test file asks for it.
 * 3. Several projects in one run share the servers.
 * 4. The servers belong to this process, so several runs on one machine do not share them.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { createClient } from "@redis/client";
import type { ProvidedContext } from "vitest";
import type { TestProject } from "vitest/node";
import { startPrivatePostgres } from "./postgres-server.ts";
import { startPrivateRedis } from "./redis-server.ts";
import type { ThrowawayServer } from "./throwaway-server.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /**
     * The address of the broker. `GET /postgres` and `GET /redis` return a server's address; the first call starts it.
     */
    sharedServersUrl: string;
  }
}

export default async function setUp(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  // 3. What the first project provides to the whole run, the others find here. The types promise it; at first it is not
  //    there.
  const { sharedServersUrl }: Partial<ProvidedContext> = project.getProvidedContext();
  if (sharedServersUrl !== undefined) return undefined;

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

  // 2.
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
  project.vitest.provide("sharedServersUrl", `http://127.0.0.1:${address.port}`);

  return async () => {
    broker.closeAllConnections();
    broker.close();
    await Promise.allSettled(addresses.values());
    await Promise.all(started.map((server) => server.remove()));
  };
}

/** Returns the first empty database of the given Redis. A database that holds something is never touched. */
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
  console.warn(
    "REDIS_URL is not used, because each of its databases holds something. A throwaway Redis takes its place.",
  );
  return undefined;
}
