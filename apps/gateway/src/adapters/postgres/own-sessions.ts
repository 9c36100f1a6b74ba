/**
 * hsafa needs sessions of its own. Its lifelines are session locks, its statements are prepared once for each session,
 * and its times are read in the session's zone. A pooler in transaction mode gives each transaction any session.
 */
import type pg from "pg";
import type { PostgresPool } from "./postgres-pool.ts";
import { errorCode } from "./sql.ts";

/** What a pooler in statement mode (PgBouncer) says to `begin`. */
const NO_TRANSACTIONS = /transaction blocks not allowed/i;

/** A statement that was prepared on another session is missing here, or one is here that this connection never made. */
const FOREIGN_STATEMENTS = new Set(["26000", "42P05"]);

const READ_BACKEND = "select pg_backend_pid() as backend";

/**
 * Throws an error that says what to do if a pooler in between does not give each connection a session of its own. Then
 * one of two connections loses its session while the other one is in a transaction, or both share one.
 */
export async function requireOwnSessions(one: PostgresPool, other: PostgresPool): Promise<void> {
  try {
    if (await haveOwnSessions(one, other)) return;
  } catch (error) {
    if (error instanceof Error && NO_TRANSACTIONS.test(error.message)) throw transactionMode();
    if (FOREIGN_STATEMENTS.has(errorCode(error) ?? "")) throw transactionMode();
    throw error;
  }
  throw transactionMode();
}

async function haveOwnSessions(one: PostgresPool, other: PostgresPool): Promise<boolean> {
  const watched = await one.connect();
  try {
    const first = await backendOf(watched);
    const busy = await other.connect();
    try {
      await busy.query("begin");
      const taken = await backendOf(busy);
      const second = await backendOf(watched);
      await busy.query("rollback");
      return taken !== first && second === first && (await backendOf(watched)) === first;
    } finally {
      busy.release(true);
    }
  } finally {
    watched.release();
  }
}

async function backendOf(client: pg.PoolClient): Promise<number | undefined> {
  const { rows } = await client.query<{ readonly backend: number }>(READ_BACKEND);
  return rows[0]?.backend;
}

function transactionMode(): Error {
  return new Error(
    "the address of the database (DATABASE_URL) leads to a pooler in transaction mode. hsafa needs sessions of its own: its " +
      "lifelines are session locks, and its statements stay prepared. Use the pooler's session mode (PgBouncer: pool_mode = " +
      "session; Supabase: port 5432 of the pooler), or the server itself (Neon: the host without '-pooler')",
  );
}
