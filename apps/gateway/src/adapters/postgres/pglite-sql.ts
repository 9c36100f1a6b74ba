import { PGlite } from "@electric-sql/pglite";
import { type Sql, storable } from "./sql.ts";
import { asStoreError } from "./unavailable.ts";

/** Statements over a Postgres in this process; without a folder it lives in memory and ends with the process. */
export async function openPgliteSql(dataDir: string | undefined): Promise<{ sql: Sql; pglite: PGlite }> {
  const pglite = await PGlite.create({
    ...(dataDir === undefined ? {} : { dataDir }),
    // An acknowledged commit is in the file before it is acknowledged.
    relaxedDurability: false,
  });

  async function guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error);
    }
  }

  const sql: Sql = {
    query: <Row>(statement: { text: string }, values: readonly unknown[]) =>
      guard(async () => (await pglite.query<Row>(statement.text, values.map((value) => storable(value as never)))).rows),
    script: (text) =>
      guard(async () => {
        await pglite.exec(text);
      }),
    close: () => pglite.close(),
  };
  return { sql, pglite };
}
