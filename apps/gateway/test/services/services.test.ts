import { Client } from "pg";
import { createClient } from "@redis/client";
import { describe, expect, test } from "vitest";
import { freshDatabase, missingServices, redisUrl, startPrivatePostgres, startPrivateRedis } from "./services.ts";
import { launchChromium } from "./launch-chromium.ts";

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}

describe.skipIf(await missingServices("postgres"))("the shared Postgres", () => {
  test("two fresh databases are separate, and drop removes one that is still in use", async () => {
    const [first, second] = await Promise.all([freshDatabase(), freshDatabase()]);
    const straggler = new Client({ connectionString: first.url });
    straggler.on("error", () => {}); // The drop below cuts this connection, which is what is tested.
    await straggler.connect();
    try {
      await straggler.query("create table mine (id int)");
      expect(await query(second.url, "select to_regclass('mine') as found")).toEqual([{ found: null }]);
    } finally {
      await Promise.all([first.drop(), second.drop()]);
    }
    await expect(query(first.url, "select 1")).rejects.toThrow("does not exist");
  });
});

describe.skipIf(await missingServices("redis"))("the shared Redis", () => {
  test("the shared Redis responds", async () => {
    const client = await createClient({ url: await redisUrl() }).connect();
    try {
      expect(await client.ping()).toBe("PONG");
    } finally {
      await client.close();
    }
  });
});

describe.skipIf(await missingServices("private-postgres", "private-redis"))("a private server", () => {
  test("a killed Postgres comes back on its port with its data", async () => {
    const server = await startPrivatePostgres();
    try {
      await query(server.url, "create table kept (id int)");
      await server.stop("SIGKILL");
      await expect(query(server.url, "select 1")).rejects.toThrow("ECONNREFUSED");
      await server.start();
      expect(await query(server.url, "select count(*)::int as rows from kept")).toEqual([{ rows: 0 }]);
    } finally {
      await server.remove();
    }
  });

  test("a killed Redis comes back on its port, empty", async () => {
    const server = await startPrivateRedis();
    const client = createClient({ url: server.url, socket: { reconnectStrategy: 10 } }).on("error", () => {});
    try {
      await client.connect();
      await client.set("key", "value");
      await server.stop("SIGKILL");
      await server.start();
      expect(await client.get("key")).toBeNull();
    } finally {
      client.destroy();
      await server.remove();
    }
  });
});

describe.skipIf(await missingServices("chromium"))("Chromium", () => {
  test("Chromium opens a page, as root too", async () => {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      expect(await page.evaluate("typeof EventSource")).toBe("function");
    } finally {
      await browser.close();
    }
  });
});
