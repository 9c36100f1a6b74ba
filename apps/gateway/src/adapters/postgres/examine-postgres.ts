import type { Finding } from "../../ports/finding.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import { describeConnectFailure } from "./connect-failure.ts";
import { judgePostgres, judgePostgresFailure, type ServerFacts } from "./judge-postgres.ts";
import { STORE_PULSE_TIMEOUT_MS } from "./limits.ts";
import { requireOwnSessions } from "./own-sessions.ts";
import { openPgSql } from "./pg-sql.ts";
import { type PostgresAddress, parsePostgresAddress } from "./postgres-address.ts";
import type { PostgresPool } from "./postgres-pool.ts";
import { errorCode } from "./sql.ts";

/**
 * Connects to the server of `DATABASE_URL` as a gateway does, and says whether gateways can work with it. It changes
 * nothing there. `now` is this machine's clock. Never rejects.
 */
export async function examinePostgres(url: string, now: () => number): Promise<Finding> {
  let address: PostgresAddress;
  try {
    address = parsePostgresAddress(url);
  } catch (error) {
    return asBroken(error);
  }
  const settings = { url, poolSize: 1, statementTimeoutMs: STORE_PULSE_TIMEOUT_MS };
  const [one, other] = [openPgSql(settings), openPgSql(settings)];
  try {
    await requireOwnSessions(one.pool, other.pool);
    return judgePostgres(await factsOf(one.pool, now), address);
  } catch (error) {
    // Of several hosts, the first that failed is told.
    const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
    const described = describeConnectFailure(first, address);
    // What it has advice for is told so. For the rest, it knows only that the store is away. A missing rule for this
    // role looks to it like a server that insists on encryption.
    const isAdvice = described !== first && !(described instanceof StoreUnavailable) && errorCode(first) !== "28000";
    return (isAdvice ? null : judgePostgresFailure(first, address)) ?? asBroken(described);
  } finally {
    await Promise.all([one.sql.close(), other.sql.close()]);
  }
}

/** An error of the gateway's own says what to do in its last sentence. */
function asBroken(error: unknown): Finding {
  const message = error instanceof Error ? error.message : String(error);
  const end = message.lastIndexOf(". ");
  const cure = end < 0 ? "docs/deploy/postgres.md says what DATABASE_URL may be." : message.slice(end + 2);
  return { state: "broken", message: end < 0 ? message : message.slice(0, end), cure };
}

async function factsOf(pool: PostgresPool, now: () => number): Promise<ServerFacts> {
  const askedMs = now();
  const { rows } = await pool.use({ kind: "fleet" }, (client) =>
    client.query(`select current_setting('server_version') as "version",
      current_setting('server_version_num')::int as "versionNumber",
      pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool as "isReadOnly",
      floor(extract(epoch from clock_timestamp()) * 1000)::float8 as "serverMs"`),
  );
  const [facts] = rows as Omit<ServerFacts, "askedMs" | "answeredMs">[];
  if (facts === undefined) throw new Error("the server said nothing of itself");
  return { ...facts, askedMs, answeredMs: now() };
}
