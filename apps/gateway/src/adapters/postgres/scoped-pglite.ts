import { parse, type PGlite, type QueryOptions } from "@electric-sql/pglite";
import type { Exchange } from "./pglite-sql.ts";
import { presentScope } from "./present-scope.ts";
import type { SqlValue } from "./statement.ts";

/**
 * The part of PGlite that Prisma's adapter uses to read. Each query is sent with the scope of the work that asks. A
 * transaction of PGlite's own would let other statements in.
 */
export function scopedPglite(pglite: PGlite, exchange: Exchange): Pick<PGlite, "query"> {
  const query = async (text: string, values: readonly SqlValue[] = [], options: QueryOptions = {}) => {
    const answered = await exchange({ name: "", text, values, scope: presentScope() });
    const [result] = parse.parseResults([...answered], pglite.parsers, options);
    return result;
  };
  return { query: query as PGlite["query"] };
}
