import type { PGlite } from "@electric-sql/pglite";
import { type Sql, storable } from "./sql.ts";
import { asStoreError } from "./unavailable.ts";

/** Statements over a Postgres in this process, which runs them one after the other. */
export function pgliteSql(pglite: PGlite): Sql {
  async function guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error);
    }
  }

  return {
    query: <Row>({ text }: { readonly text: string }, values: Parameters<Sql["query"]>[1]) =>
      guard(async () => (await pglite.query<Row>(text, values.map(storable))).rows),
    script: (text) =>
      guard(async () => {
        await pglite.exec(text);
      }),
    close: () => pglite.close(),
  };
}
