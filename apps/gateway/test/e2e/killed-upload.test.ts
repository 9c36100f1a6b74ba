/** An upload whose gateway is killed in its middle, with real processes. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase, missingServices, redisUrl } from "../services/services.ts";
import { listeningUrl, startProgram } from "../support/gateway-program.ts";
import { openRawHttp } from "../support/raw-http.ts";
import { photo } from "../support/sample-files.ts";
import { startTestGateway } from "../support/test-gateway.ts";
import { until } from "../support/until.ts";
import { upload } from "../support/upload.ts";

const KEY = "hsafa_test_operator_key_of_a_fleet_0123456789";
const PHOTO = photo(5_000_000);

describe.skipIf(await missingServices("postgres", "redis"))("an upload whose gateway is killed", () => {
  let database: FreshDatabase;
  let shared: Readonly<Record<string, string>>;
  let child: ChildProcess | undefined;
  beforeAll(async () => {
    database = await freshDatabase();
    shared = {
      HSAFA_ADMIN_KEY: KEY,
      HSAFA_JWT_SECRET: "a secret that every gateway of this fleet signs its tokens with",
      DATABASE_URL: database.url,
      REDIS_URL: await redisUrl(),
    };
  });
  afterAll(async () => {
    child?.kill("SIGKILL");
    await database.drop();
  });

  async function rows<Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    try {
      return (await client.query<Row>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  test("is no file, is sent again to another gateway under its key, and is one file there", async () => {
    child = startProgram(shared);
    child.stderr?.resume();
    const url = await listeningUrl(child);
    const { socket } = await openRawHttp(url);
    const head = [
      "POST /api/files HTTP/1.1",
      "Host: localhost",
      `Authorization: Bearer ${KEY}`,
      "Content-Type: image/jpeg",
      "Idempotency-Key: one-photo",
      `Content-Length: ${PHOTO.length}`,
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    socket.write(PHOTO.subarray(0, 3_500_000));
    await until("some of it is kept", async () => (await rows("select from file_chunks")).length >= 3);
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;

    const survivor = await startTestGateway({ env: shared, databaseUrl: database.url });
    try {
      expect((await survivor.call<{ data: unknown[] }>("GET", "/api/files")).body.data).toEqual([]);
      const options = { mediaType: "image/jpeg", headers: { "idempotency-key": "one-photo" } };
      const again = await upload(survivor, PHOTO, options);
      const sha256 = createHash("sha256").update(PHOTO).digest("hex");
      expect(again).toMatchObject({ status: 201, body: { size: PHOTO.length, sha256 } });
      expect(await upload(survivor, PHOTO, options)).toMatchObject({ status: 200, body: { id: again.body.id } });
      // What was left of the first upload goes once its time is over.
      await rows("update files set expires_at = now() where state = 'uploading'");
      await until("the remains are gone", async () => (await rows("select from files")).length === 1, 30_000);
      expect(await rows("select file_id::text as id from file_chunks group by 1")).toEqual([{ id: again.body.id }]);
    } finally {
      await survivor.close();
    }
  });
});
