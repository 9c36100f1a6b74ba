/**
 * Sees to it that no plan outlives the size of the tables that it was made for.
 *
 * 1. Postgres keeps the plan of a prepared statement. While a table is small, all of its indexes look alike to it, and
 *    the plan may lead past all rows of the tenant. Statistics would end such a plan. A server gathers them within
 *    minutes, and the embedded database never.
 * 2. So the sizes of the tables are looked at with each sweep. When one has doubled, all plans are made anew. Thus a
 *    plan is never kept for more than about twice the rows that it was made for.
 * 3. From some hundred rows on the right index looks better, also without statistics. Below them, and while a table is
 *    read by the page, a wrong one costs little. So growth counts from `OUTGROWN_BYTES_MIN` on.
 */
import { OUTGROWN_BYTES_MIN } from "./limits.ts";
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

/** What the sessions of a gateway have planned for. */
export class OutgrownPlans {
  readonly #sql: Sql;
  readonly #pulse: Sql | null;
  #sizes: TableSizes | null = null;

  /** Nothing is planned yet. `pulse`: see `createFleetStore`. */
  constructor(sql: Sql, pulse: Sql | null) {
    this.#sql = sql;
    this.#pulse = pulse;
  }

  /** Looks at the tables, and has the plans forgotten that one of them has outgrown. Rejects as a query does. */
  async look(): Promise<void> {
    const now = await readSizes(this.#sql);
    this.#sizes ??= now;
    if (!haveOutgrown(this.#sizes, now)) return;
    await this.#sql.forgetPlans();
    await this.#pulse?.forgetPlans();
    this.#sizes = now;
  }
}

async function readSizes(sql: Sql): Promise<TableSizes> {
  const rows = await sql.query<{ readonly table_name: string; readonly bytes: number }>(READ_SIZES({}));
  return new Map(rows.map(({ table_name, bytes }) => [table_name, bytes]));
}
