import { createServer, type Server } from "node:net";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startPgbouncer } from "../../../test/services/pgbouncer.ts";
import { missingServices, startPrivatePostgres } from "../../../test/services/services.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { examinePostgres } from "./examine-postgres.ts";

const PASSWORD = "right/of ann";

const hasNoPooler = await missingServices("pgbouncer");

describe.skipIf(await missingServices("private-postgres"))("the examination of a Postgres", () => {
  let server: Awaited<ReturnType<typeof startPrivatePostgres>>;
  beforeAll(async () => {
    server = await startPrivatePostgres();
    await ask(`create role ann login password '${PASSWORD}'`);
    const { rows } = await ask("show hba_file");
    const file = (rows[0] as { readonly hba_file: string }).hba_file;
    // Ann proves who she is, and nobody else does.
    await writeFile(join(file), "host all ann 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\n");
    await ask("select pg_reload_conf()");
  });
  afterAll(() => server.remove());

  async function ask(statement: string): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return await client.query(statement);
    } finally {
      await client.end();
    }
  }

  /** The address of the server with other parts. */
  function at(change: Partial<Record<"username" | "password" | "pathname" | "port" | "search", string>>): string {
    return Object.assign(new URL(server.url), change).href;
  }

  test("one that serves is told with its version", async () => {
    const { rows } = await ask("show server_version");
    const version = (rows[0] as { readonly server_version: string }).server_version.split(" ", 1)[0] ?? "";
    for (const url of [server.url, at({ username: "ann", password: PASSWORD })]) {
      expect(await examinePostgres(url, Date.now)).toEqual({
        state: "ok",
        message: expect.stringContaining(`Postgres ${version} at 127.0.0.1:`) as string,
        cure: null,
      });
    }
  });

  test.each([
    [
      "a wrong password",
      { username: "ann", password: "wrong" },
      /refuses the password of 'ann'/,
      /Correct the password/,
    ],
    ["no password", { username: "ann" }, /asks for a password/, /user:password@host/],
    ["a role that is not let in", { username: "bob" }, /does not let 'bob' in/, /pg_hba\.conf/],
    ["an unknown database", { pathname: "/nowhere" }, /no database 'nowhere'/, /create database "nowhere"/],
    ["TLS that is not there", { search: "?sslmode=require" }, /does not support SSL/, /sslmode=/],
    ["an unknown parameter", { search: "?colour=blue" }, /colour/, /docs\/deploy\/postgres\.md/],
  ] as const)("%s is told with its cure, and no password is said", async (_what, change, message, cure) => {
    const found = await examinePostgres(at(change), Date.now);
    expect(found).toMatchObject({ state: "broken" });
    expect(found.message).toMatch(message);
    expect(found.cure).toMatch(cure);
    expect(JSON.stringify(found)).not.toMatch(/wrong"|right.of/);
  });

  test("a default that takes no writes is told, as of a standby", async () => {
    await ask("create role reader login; alter role reader set default_transaction_read_only = on");
    await writeFile(
      (await ask("show hba_file")).rows.map((row) => (row as { readonly hba_file: string }).hba_file)[0] ?? "",
      "host all ann 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n",
    );
    await ask("select pg_reload_conf()");
    expect(await examinePostgres(at({ username: "reader" }), Date.now)).toMatchObject({
      state: "broken",
      message: expect.stringContaining("takes no writes") as string,
    });
  });

  test("a clock that is a minute away from this machine's is a warning", async () => {
    expect(await examinePostgres(server.url, () => Date.now() + 60_000)).toMatchObject({
      state: "warning",
      message: expect.stringMatching(/its clock is (59|60) s behind/) as string,
    });
  });

  test("nobody who listens, and somebody else who does, are told apart", async () => {
    const port = String(await freePort());
    expect(await examinePostgres(at({ port }), Date.now)).toMatchObject({
      state: "broken",
      message: `nothing listens at 127.0.0.1:${port}`,
    });
    const other: Server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void other.close());
    const found = await examinePostgres(at({ port: String((other.address() as AddressInfo).port) }), Date.now);
    expect(found).toMatchObject({ state: "broken", message: expect.stringContaining("is no Postgres") as string });
  });

  describe.skipIf(hasNoPooler)("behind a pooler", () => {
    test.each(["transaction", "statement"] as const)("one in %s mode is told with its cure", async (poolMode) => {
      const pooler = await startPgbouncer(server.url, { poolMode });
      onTestFinished(() => pooler.remove());
      const found = await examinePostgres(pooler.url, Date.now);
      expect(found).toMatchObject({ state: "broken" });
      expect(found.message).toContain("a pooler in transaction mode");
      expect(found.cure).toContain("Use the pooler's session mode");
    });

    test("one in session mode serves", async () => {
      const pooler = await startPgbouncer(server.url, { poolMode: "session" });
      onTestFinished(() => pooler.remove());
      expect(await examinePostgres(pooler.url, Date.now)).toMatchObject({ state: "ok" });
    });
  });
});
