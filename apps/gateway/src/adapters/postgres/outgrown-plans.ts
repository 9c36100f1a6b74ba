/**
 * Sees to it that no plan outlives the size of the tables that it was made for.
 *
 * 1. Postgres keeps the plan of a prepared statement. While a table is small, all of its indexes look alike to it, and
 *    the plan may lead past all rows of the tenant. Statistics would end such a plan. A server gathers them within
 *    minutes, and the embedded database never.
 * 2. So the sizes of the tables are looked at now and then. When one has doubled, all plans are made anew. Thus a plan
 *    is never kept for more than about twice the rows that it was made for.
 * 3. From some hundred rows on the right index looks better, also without statistics. Below them, and while a table is
 *    read by the page, a wrong one costs little. So growth counts from `OUTGROWN_BYTES_MIN` on.
 * 4. A look that fails changes nothing. What is wrong with the store is told by those who need it.
 */
import { OUTGROWN_BYTES_MIN, OUTGROWN_LOOK_MS } from "./limits.ts";
import type { Sql } from "./sql.ts";
import { fleetStatement } from "./statement.ts";

/** Bytes of each table, by its name. */
export type TableSizes = ReadonlyMap<string, number>;

const READ_SIZES = fleetStatement({
  name: "read-sizes",
  parameters: {},
  text: `
select relname::text as table_name, pg_relation_size(oid)::float8 as bytes
from pg_class where relkind = 'r' and relnamespace = current_schema()::regnamespace`,
});

/** Whether a table has at least doubled. One that is new began with nothing. 2. 3. */
export function haveOutgrown(before: TableSizes, now: TableSizes): boolean {
  return [...now].some(([table, bytes]) => bytes >= 2 * Math.max(before.get(table) ?? 0, OUTGROWN_BYTES_MIN));
}

/** Looks now and then, until the returned function is called. Nothing is planned yet. */
export function forgetOutgrownPlans(sql: Sql, pulse: Sql | null): () => void {
  let sizes: TableSizes | null = null;
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    try {
      const now = await readSizes(sql);
      if (sizes !== null && !haveOutgrown(sizes, now)) return;
      if (sizes !== null) for (const one of [sql, pulse]) await one?.forgetPlans();
      sizes = now;
    } catch {
      // 4.
    } finally {
      isLooking = false;
    }
  };
  void look();
  const timer = setInterval(() => void look(), OUTGROWN_LOOK_MS);
  // It alone keeps no process alive.
  timer.unref();
  return () => clearInterval(timer);
}

async function readSizes(sql: Sql): Promise<TableSizes> {
  const rows = await sql.query<{ readonly table_name: string; readonly bytes: number }>(READ_SIZES({}));
  return new Map(rows.map(({ table_name, bytes }) => [table_name, bytes]));
}
