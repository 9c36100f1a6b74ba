import { fleetStatement } from "./statement.ts";
import type { Sql } from "./sql.ts";

/** Asks for both halves of the year, so that no zone with a summer time passes for UTC in winter. */
const READ_ZONE = fleetStatement({
  name: "read-zone",
  parameters: {},
  text: `
select current_setting('timezone') as zone,
  extract(timezone from timestamptz '2026-01-01 00:00Z') = 0 and extract(timezone from timestamptz '2026-07-01 00:00Z') = 0 as is_utc`,
});

/**
 * Throws unless sessions are in UTC. Every connection asks for that, and a pooler in between may drop what a connection
 * asks for. Prisma's adapter reads times as if sessions were in UTC, so all times would silently be wrong by hours.
 */
export async function requireUtcSessions(sql: Sql): Promise<void> {
  const [row] = await sql.query<{ readonly zone: string; readonly is_utc: boolean }>(READ_ZONE({}));
  if (row?.is_utc === true) return;
  throw new Error(
    `the database's sessions are in the time zone ${row?.zone} although UTC was asked for: a pooler in between drops the ` +
      "startup parameter 'options'. Let it pass that on, connect without it, or set the zone for good: alter database … set timezone to 'UTC'",
  );
}
