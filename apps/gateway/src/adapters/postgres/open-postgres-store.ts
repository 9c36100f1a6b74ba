import type { Store } from "../../ports/store.ts";
import { describeConnectFailure } from "./connect-failure.ts";
import { STORE_PULSE_TIMEOUT_MS } from "./limits.ts";
import { parsePostgresAddress } from "./postgres-address.ts";
import { requireOwnSessions } from "./own-sessions.ts";
import { makeSchema } from "./read-schema.ts";
import { openStore } from "./open-store.ts";
import { openPgSql, type PgSettings } from "./pg-sql.ts";

/**
 * Opens the store on a Postgres 15+ server and brings its schema up to date. Throws `StoreUnavailable` when the server
 * cannot be reached. Any other error says what to do. For example, the address leads to a pooler in transaction mode,
 * or a newer hsafa has migrated the database.
 */
export async function openPostgresStore(settings: PgSettings): Promise<Store> {
  const address = parsePostgresAddress(settings.url);
  const { schema } = address;
  const { sql, pool } = openPgSql(settings);
  // Heartbeats and renewals have a connection of their own. Otherwise a crowd of slow statements would cost a healthy
  // gateway its leases: the runs would begin their steps anew, and make the crowd larger. The connection holds the
  // gateway's lifeline, so it stays open.
  const { sql: pulse, pool: pulsePool } = openPgSql({
    ...settings,
    poolSize: 1,
    statementTimeoutMs: STORE_PULSE_TIMEOUT_MS,
    closesIdle: false,
  });
  try {
    await requireOwnSessions(pulsePool, pool);
    if (schema !== null) await makeSchema(sql, schema);
  } catch (error) {
    await Promise.all([sql.close(), pulse.close()]);
    throw describeConnectFailure(error, address);
  }
  return openStore(sql, pulse);
}
