import type pg from "pg";
import {
  STORE_ANSWER_TIMEOUT_MS,
  STORE_CONNECTIONS_DEFAULT,
  STORE_SCRIPT_TIMEOUT_MS,
  STORE_STATEMENT_TIMEOUT_MS,
} from "./limits.ts";
import { parsePostgresAddress } from "./postgres-address.ts";
import { PostgresPool } from "./postgres-pool.ts";
import { scopeMessage } from "./scope-message.ts";
import { askScoped } from "./ask-scoped.ts";
import { readAgain } from "./read-again.ts";
import { type Sql, storable } from "./sql.ts";
import type { Query } from "./statement.ts";
import { asStoreError } from "./store-error.ts";

/** A statement that changes nothing. None of them calls a function that does. */
const READ = /^\s*(?:select\b|with\b(?![^]*\b(?:insert|update|delete)\b))/;

export interface PgSettings {
  readonly url: string;
  /** Connections at most; by default what the URL asks for, or `STORE_CONNECTIONS_DEFAULT`. */
  readonly poolSize?: number;
  /** How long a statement may take, and we wait for its answer; by default the bounds of `limits.ts`. */
  readonly statementTimeoutMs?: number;
  /** Whether a connection that is idle for a while is closed; by default it is. */
  readonly closesIdle?: boolean;
}

/** Statements over a pool of connections to a Postgres server. */
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

  /** The errors of a store. */
  async function asked<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw asStoreError(error);
    }
  }

  const sql: Sql = {
    query<Row>({ name, text, values, scope }: Query, onSent?: () => void) {
      const config = { name, text, values: values.map(storable) };
      const work = async (): Promise<Row[]> => {
        const { rows } = await pool.use(scope, (client) => {
          onSent?.();
          return askScoped(client, config, scopeMessage(scope));
        });
        return rows as Row[];
      };
      return asked(() => (READ.test(text) ? readAgain(work) : work()));
    },
    async script(text) {
      const patient: pg.QueryConfig & { query_timeout: number } = { text, query_timeout: STORE_SCRIPT_TIMEOUT_MS };
      await asked(() => pool.use({ kind: "fleet" }, (client) => client.query(patient)));
    },
    async workAs(role) {
      pool.workAs(role);
    },
    async forgetPlans() {
      pool.forgetPlans();
    },
    close: () => pool.end(),
  };
  return { sql, pool };
}
