import pg from "pg";
import {
  STORE_ANSWER_TIMEOUT_MS,
  STORE_CONNECTIONS_DEFAULT,
  STORE_SCRIPT_TIMEOUT_MS,
  STORE_STATEMENT_TIMEOUT_MS,
} from "./limits.ts";
import { parsePostgresAddress } from "./postgres-address.ts";
import { PostgresPool } from "./postgres-pool.ts";
import { errorCode, type Sql, storable } from "./sql.ts";
import { asStoreError } from "./store-error.ts";

/** The SQLSTATE of a write that a server refuses because it takes none. */
const READ_ONLY = "25006";

export interface PgSettings {
  readonly url: string;
  /** Connections at most; by default what the URL asks for, or `STORE_CONNECTIONS_DEFAULT`. */
  readonly poolSize?: number;
  /** How long a statement may take, and we wait for its answer; by default the bounds of `limits.ts`. */
  readonly statementTimeoutMs?: number;
  /** Whether a connection that is idle for a while is closed; by default it is. */
  readonly closesIdle?: boolean;
}

/** Statements over a pool of connections to a Postgres server. Prisma shares the pool, so it is returned as well. */
export function openPgSql(settings: PgSettings): { sql: Sql; pool: PostgresPool } {
  const { url, poolSize, statementTimeoutMs, closesIdle = true } = settings;
  const address = parsePostgresAddress(url);
  const pool = new PostgresPool({
    address,
    poolSize: poolSize ?? address.poolSize ?? STORE_CONNECTIONS_DEFAULT,
    statementTimeoutMs: statementTimeoutMs ?? STORE_STATEMENT_TIMEOUT_MS,
    answerTimeoutMs: statementTimeoutMs ?? STORE_ANSWER_TIMEOUT_MS,
    closesIdle,
  });

  /**
   * Keeps a connection whose statement the database refused. `pool.query` would throw the connection away, and with it
   * all that was prepared on it.
   */
  async function run<Row>(config: pg.QueryConfig): Promise<Row[]> {
    let broken = false;
    // A connection that breaks fails its statement, and then emits `error`. Without a listener that would end the
    // process.
    const markBroken = (): void => {
      broken = true;
    };
    try {
      const client = await pool.connect();
      client.on("error", markBroken);
      try {
        const { rows } = await client.query(config);
        return rows as Row[];
      } catch (error) {
        broken ||= !(error instanceof pg.DatabaseError);
        // A primary that became a standby: another server takes the writes, and a new connection finds it.
        if (errorCode(error) === READ_ONLY) {
          broken = true;
          pool.reconsider();
        }
        throw error;
      } finally {
        client.release(broken);
        client.off("error", markBroken);
      }
    } catch (error) {
      throw asStoreError(error);
    }
  }

  const sql: Sql = {
    query: ({ name, text, values }) => run({ name, text, values: values.map(storable) }),
    async script(text) {
      const patient: pg.QueryConfig & { query_timeout: number } = { text, query_timeout: STORE_SCRIPT_TIMEOUT_MS };
      await run(patient);
    },
    close: () => pool.end(),
  };
  return { sql, pool };
}
