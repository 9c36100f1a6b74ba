import { STORE_PULSE_TIMEOUT_MS } from "./limits.ts";
import type { Store } from "../../ports/store.ts";
import { openStore } from "./open-store.ts";
import { openPgSql, type PgSettings } from "./pg-sql.ts";
import { openPrisma } from "./prisma.ts";

/**
 * Opens the store on a Postgres 15+ server and brings its schema up to date. Throws `StoreUnavailable` when the server
 * cannot be reached. Throws an error that says what to do when a newer hsafa has migrated the database.
 */
export async function openPostgresStore(settings: PgSettings): Promise<Store> {
  const { sql, pool } = openPgSql(settings);
  // Heartbeats and renewals have a connection of their own. Otherwise a crowd of slow statements would cost a healthy
  // gateway its leases: the runs would begin their steps anew, and make the crowd larger. The connection holds the
  // gateway's lifeline, so it stays open.
  const { sql: pulse } = openPgSql({
    ...settings,
    poolSize: 1,
    statementTimeoutMs: STORE_PULSE_TIMEOUT_MS,
    closesIdle: false,
  });
  return openStore(
    sql,
    openPrisma(async () => {
      const { PrismaPg } = await import("@prisma/adapter-pg");
      return new PrismaPg(pool);
    }),
    pulse,
  );
}
