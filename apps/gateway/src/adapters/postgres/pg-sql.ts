import pg from "pg";
import {
  STORE_ANSWER_TIMEOUT_MS,
  STORE_CONNECT_TIMEOUT_MS,
  STORE_CONNECTIONS_DEFAULT,
  STORE_SCRIPT_TIMEOUT_MS,
  STORE_STATEMENT_TIMEOUT_MS,
} from "../../core/limits.ts";
import { type Sql, type SqlValue, type Statement, storable } from "./sql.ts";
import { asStoreError } from "./unavailable.ts";

export interface PgSettings {
  readonly url: string;
  /** Connections this process holds at most; default `STORE_CONNECTIONS_DEFAULT`. */
  readonly poolSize?: number;
}

/** Statements over a pool of connections to a Postgres server. The pool is given out for Prisma, which shares it. */
export function openPgSql({ url, poolSize = STORE_CONNECTIONS_DEFAULT }: PgSettings): { sql: Sql; pool: pg.Pool } {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: STORE_CONNECT_TIMEOUT_MS,
    query_timeout: STORE_ANSWER_TIMEOUT_MS,
    statement_timeout: STORE_STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    application_name: "hsafa",
    // Prisma's adapter reads times as if the session were in UTC. Compiling a plan takes longer than any statement of ours.
    options: "-c timezone=UTC -c jit=off",
  });
  // An idle connection that breaks is replaced by the pool; without a listener Node would end the process.
  pool.on("error", () => {});

  async function guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error);
    }
  }

  const sql: Sql = {
    query: <Row>(statement: Statement, values: readonly SqlValue[]) =>
      guard(async () => {
        const { rows } = await pool.query({ ...statement, values: values.map(storable) });
        return rows as Row[];
      }),
    script: (text) =>
      guard(async () => {
        const patient: pg.QueryConfig & { query_timeout: number } = { text, query_timeout: STORE_SCRIPT_TIMEOUT_MS };
        await pool.query(patient);
      }),
    close: () => pool.end(),
  };
  return { sql, pool };
}
