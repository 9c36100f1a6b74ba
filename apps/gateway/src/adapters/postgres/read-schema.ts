import { fleetStatement } from "./statement.ts";
import type { Sql } from "./sql.ts";

const READ_SCHEMA = fleetStatement({
  name: "read-schema",
  parameters: {},
  text: "select current_schema() as schema, current_user::text as role",
});

interface Row {
  /** Null: no schema of the session's path exists. */
  readonly schema: string | null;
  readonly role: string;
}

/** Makes the schema that the address names, if it does not exist. */
export async function makeSchema(sql: Sql, name: string): Promise<void> {
  const [row] = await sql.query<Row>(READ_SCHEMA({}));
  if (row?.schema === null) await sql.script(`create schema if not exists "${name.replaceAll('"', '""')}"`);
}

/** Returns the schema in which sessions work. Throws an error that says what to do when there is none. */
export async function readSchema(sql: Sql): Promise<string> {
  const [row] = await sql.query<Row>(READ_SCHEMA({}));
  if (row !== undefined && row.schema !== null) return row.schema;
  throw new Error(
    `the database has no schema for the role ${row?.role}: the one that the address (DATABASE_URL) names with ?schema=, or ` +
      `the role's search_path, does not exist. Make one: create schema authorization "${row?.role}"`,
  );
}
