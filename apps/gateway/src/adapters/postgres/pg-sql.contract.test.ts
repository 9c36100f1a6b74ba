import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import { openPgSql } from "./pg-sql.ts";
import { fleetStatement } from "./statement.ts";
import type { Sql } from "./sql.ts";

const WAIT = fleetStatement({
  name: "wait-for-lock",
  parameters: {},
  text: "select 1 as one from pg_advisory_lock(4711)",
});
const ASK = fleetStatement({ name: "ask", parameters: {}, text: "select 1 as one" });

describe.skipIf(await missingServices("postgres"))("a statement that waits for a connection", () => {
  let database: FreshDatabase;
  let holder: Sql;
  let sql: Sql;
  beforeAll(async () => {
    database = await freshDatabase();
    holder = openPgSql({ url: database.url, poolSize: 1, closesIdle: false }).sql;
    sql = openPgSql({ url: database.url, poolSize: 1 }).sql;
  });
  afterAll(async () => {
    await sql.close();
    await holder.close();
    await database.drop();
  });

  test("is said to be sent when it has one, and not before", async () => {
    await holder.query(WAIT({}));
    const said: string[] = [];
    const first = sql.query(WAIT({}), () => void said.push("first"));
    await expect.poll(() => said).toEqual(["first"]);
    const second = sql.query(ASK({}), () => void said.push("second"));
    // The first one has the only connection until the lock is free.
    await holder.query(ASK({}));
    expect(said).toEqual(["first"]);
    await holder.query(fleetStatement({ name: "free", parameters: {}, text: "select pg_advisory_unlock(4711)" })({}));
    await Promise.all([first, second]);
    expect(said).toEqual(["first", "second"]);
  });
});
