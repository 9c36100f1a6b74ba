import pg from "pg";
import {
  STORE_ANSWER_TIMEOUT_MS,
  STORE_CONNECT_TIMEOUT_MS,
  STORE_CONNECTIONS_DEFAULT,
  STORE_SCRIPT_TIMEOUT_MS,
  STORE_STATEMENT_TIMEOUT_MS,
} from "./limits.ts";
import { type Sql, storable } from "./sql.ts";
import { asStoreError } from "./store-error.ts";

export interface PgSettings {
  readonly url: string;
  /** Connections at most; by default `STORE_CONNECTIONS_DEFAULT`. */
  readonly poolSize?: number;
  /** How long a statement may take, and we wait for its answer; by default the bounds of `limits.ts`. */
  readonly statementTimeoutMs?: number;
  /** Whether a connection that is idle for a while is closed; by default it is. */
  readonly closesIdle?: boolean;
}

/** Statements over a pool of connections to a Postgres server. Prisma shares the pool, so it is returned as well. */
export function openPgSql(settings: PgSettings): { sql: Sql; pool: pg.Pool } {
  const { url, poolSize = STORE_CONNECTIONS_DEFAULT, statementTimeoutMs, closesIdle = true } = settings;
  const pool = new pg.Pool({
    connectionString: withSessionOptions(url),
    max: poolSize,
    connectionTimeoutMillis: STORE_CONNECT_TIMEOUT_MS,
    query_timeout: statementTimeoutMs ?? STORE_ANSWER_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs ?? STORE_STATEMENT_TIMEOUT_MS,
    keepAlive: true,
    // Zero is never.
    ...(closesIdle ? {} : { idleTimeoutMillis: 0 }),
    application_name: "hsafa",
  });
  // The pool replaces an idle connection that breaks. Without a listener the error would end the process.
  pool.on("error", () => {});
  // The pool stops listening when it hands a connection out. A connection may fail as soon as it is ready, before the
  // code below listens.
  pool.on("connect", (client) => client.on("error", () => {}));

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

/**
 * Adds what every session needs to what the URL itself asks for. Prisma's adapter reads times as if the session were in
 * UTC. And to compile a plan takes longer than any statement of ours.
 */
function withSessionOptions(url: string): string {
  if (!URL.canParse(url))
    throw new Error("the address of the database is no URL; give it as postgres://user:password@host:5432/name");
  const parsed = new URL(url);
  const given = parsed.searchParams.get("options");
  parsed.searchParams.set("options", `${given === null ? "" : `${given} `}-c timezone=UTC -c jit=off`);
  return parsed.href;
}
