/**
 * A pool of connections to the server that an address means.
 *
 * 1. An address may mean several servers, or a server with TLS or without. They are tried in turn by connections of
 *    their own, and the first that serves is used until a connection to it fails. An address with one way to connect
 *    is not tried first.
 * 2. Every session gets its settings by a statement, before its first use. A pooler in between may drop or refuse what
 *    a start-up message asks for.
 * 3. All sessions work in one schema: the one that the URL names, else the one that holds hsafa's tables. Without
 *    tables it is the first of the role's `search_path`. It alone is in the path, so that no table of somebody else is
 *    ever taken for ours.
 * 4. Sessions work as the role that `workAs` names, since its first call. One that is older takes it at its next use.
 * 5. A session that has plans from before the last call of `forgetPlans` forgets them at its next use.
 * 6. Tenants share the connections (`FairConnections`), so that the statements of one do not hold up those of another.
 */
import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import pg from "pg";
import { type ConnectOptions, connectOptionsOf } from "./connect-options.ts";
import { STORE_CONNECT_TIMEOUT_MS } from "./limits.ts";
import type { PostgresAddress } from "./postgres-address.ts";
import { SCOPE_STATEMENTS } from "./scope-message.ts";
import { FairConnections } from "./fair-connections.ts";
import { isClosedConnection } from "./read-again.ts";
import { errorCode } from "./sql.ts";
import { fleetStatement, type QueryScope } from "./statement.ts";
import { UNWANTED_PLANS } from "./unwanted-plans.ts";

/** The SQLSTATE of a write that a server refuses because it takes none. */
const READ_ONLY = "25006";

export interface PostgresPoolParams {
  readonly address: PostgresAddress;
  readonly poolSize: number;
  /** How long Postgres works on a statement, and we wait for its answer, in milliseconds. */
  readonly statementTimeoutMs: number;
  readonly answerTimeoutMs: number;
  /** Whether a connection that is idle for a while is closed. */
  readonly closesIdle: boolean;
}

type Connected = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  done: (release?: unknown) => void,
) => void;

/** 2. 3. Times that are written as text are in UTC. To compile a plan takes longer than to run it. */
const SET_UP_SESSION = fleetStatement({
  name: "set-up-session",
  parameters: { statementTimeoutMs: "text", schema: "text?" },
  text: `
select set_config('timezone', 'UTC', false), set_config('jit', 'off', false),
  ${UNWANTED_PLANS.map((name) => `set_config('${name}', 'off', false)`).join(", ")},
  set_config('statement_timeout', :statementTimeoutMs, false),
  set_config('search_path', quote_ident(coalesce(
    :schema,
    (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = to_regclass('run_events')),
    current_schema()
  )), false)`,
});

export class PostgresPool extends pg.Pool {
  readonly #ways: readonly ConnectOptions[];
  readonly #needsWritable: boolean;
  readonly #config: pg.ClientConfig;
  readonly #way: { chosen: ConnectOptions | null };
  #choosing: Promise<void> | null = null;
  readonly #fair: FairConnections;
  #role: string | null = null;
  readonly #workingAsRole = new WeakSet<pg.ClientBase>();
  #timesForgotten = 0;
  /** How often plans had been forgotten when a session last forgot its own, or began. */
  readonly #plannedSince = new WeakMap<pg.ClientBase, number>();

  constructor({ address, poolSize, statementTimeoutMs, answerTimeoutMs, closesIdle }: PostgresPoolParams) {
    const ways = connectOptionsOf(address);
    const [first] = ways;
    const config: pg.ClientConfig = {
      user: address.user,
      password: address.password,
      database: address.database,
      options: address.options,
      application_name: address.applicationName,
      enableChannelBinding: address.channelBinding !== "disable",
      sslnegotiation: address.isSslDirect ? "direct" : "postgres",
      connectionTimeoutMillis: address.connectTimeoutMs ?? STORE_CONNECT_TIMEOUT_MS,
      query_timeout: answerTimeoutMs,
      keepAlive: true,
    };
    const way = { chosen: ways.length === 1 && first !== undefined ? first : null };
    class WayClient extends pg.Client {
      constructor(options?: pg.ClientConfig) {
        // 1. `connect` sees to it that a way is chosen before the pool makes a client. The pool hides the password.
        super({ ...options, password: address.password, ...(way.chosen ?? first) });
        if (address.channelBinding === "require") requireChannelBinding(this);
      }
    }
    super({
      ...config,
      Client: WayClient,
      max: poolSize,
      // Zero is never.
      ...(closesIdle ? {} : { idleTimeoutMillis: 0 }),
      // 2.
      // oxlint-disable-next-line typescript/no-misused-promises -- the pool awaits it, and its types do not say so.
      onConnect: async (client) => {
        const { text, values } = SET_UP_SESSION({
          statementTimeoutMs: String(statementTimeoutMs),
          schema: address.schema,
        });
        await client.query(text, [...values]);
        // Each in a transaction of its own, after which nothing of it holds.
        for (const statement of SCOPE_STATEMENTS) {
          await client.query({ name: statement.name, text: statement.text, values: [...statement.values] });
        }
      },
    });
    this.#fair = new FairConnections(poolSize);
    this.#ways = ways;
    this.#needsWritable = address.hosts.length > 1;
    this.#config = config;
    this.#way = way;
    // The pool replaces an idle connection that breaks. Without a listener the error would end the process.
    this.on("error", () => {});
    // The pool stops listening when it hands a connection out. A connection may fail as soon as it is ready, before
    // its user listens.
    this.on("connect", (client) => client.on("error", () => {}));
  }

  /** 4. */
  workAs(role: string): void {
    this.#role = role;
  }

  /** 5. */
  forgetPlans(): void {
    this.#timesForgotten += 1;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Connected): void;
  override connect(callback?: Connected): Promise<pg.PoolClient> | void {
    if (callback === undefined) return this.#connect();
    void this.#handTo(callback);
  }

  /** The server does not serve as it should: the next connection looks for one that does. */
  reconsider(): void {
    if (this.#ways.length > 1) this.#way.chosen = null;
  }

  async #handTo(callback: Connected): Promise<void> {
    let client: pg.PoolClient;
    try {
      client = await this.#connect();
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error)), undefined, () => {});
      return;
    }
    callback(undefined, client, (release) => client.release(release === true || release instanceof Error));
  }

  async #connect(): Promise<pg.PoolClient> {
    if (this.#way.chosen === null) await this.#chooseOnce();
    let client: pg.PoolClient;
    try {
      client = await super.connect();
    } catch (error) {
      this.reconsider();
      throw error;
    }
    try {
      await this.#prepare(client);
      return client;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async #prepare(client: pg.PoolClient): Promise<void> {
    // 4.
    if (this.#role !== null && !this.#workingAsRole.has(client)) {
      await client.query(`set role ${pg.escapeIdentifier(this.#role)}`);
      this.#workingAsRole.add(client);
    }
    // 5.
    const times = this.#timesForgotten;
    if ((this.#plannedSince.get(client) ?? times) < times) await client.query("discard plans");
    this.#plannedSince.set(client, times);
  }

  /**
   * Asks over a connection of the pool, in the turn of the scope. Keeps a connection whose statement the database
   * refused: to throw it away would lose all that was prepared on it.
   */
  async use(scope: QueryScope, ask: (client: pg.PoolClient) => Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    const leave = await this.#fair.take(scope); // 6.
    try {
      return await this.#useOne(ask);
    } finally {
      leave();
    }
  }

  async #useOne(ask: (client: pg.PoolClient) => Promise<pg.QueryResult>): Promise<pg.QueryResult> {
    let broken = false;
    // A connection that breaks fails its statement, and then emits `error`. Without a listener that would end the
    // process.
    const markBroken = (): void => {
      broken = true;
    };
    const client = await this.#connect();
    client.on("error", markBroken);
    try {
      return await ask(client);
    } catch (error) {
      broken ||= !(error instanceof pg.DatabaseError) || isClosedConnection(error) || errorCode(error) === READ_ONLY;
      // A primary that is gone, or became a standby: another server takes the writes, and a new connection finds it.
      if (broken) this.reconsider();
      throw error;
    } finally {
      client.release(broken);
      client.off("error", markBroken);
    }
  }

  #chooseOnce(): Promise<void> {
    this.#choosing ??= this.#choose().finally(() => {
      this.#choosing = null;
    });
    return this.#choosing;
  }

  /** 1. Throws what the last way of each host failed with. */
  async #choose(): Promise<void> {
    const failures = new Map<string, unknown>();
    for (const way of this.#ways) {
      const failure = await this.#try(way);
      if (failure === null) {
        this.#way.chosen = way;
        return;
      }
      failures.set(`${way.host}:${way.port}`, failure);
    }
    const errors = [...failures.values()];
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, "no host of the address serves");
  }

  /** Returns null if this way leads to a server that serves, or what is wrong. */
  async #try(way: ConnectOptions): Promise<unknown> {
    const client = new pg.Client({ ...this.#config, ...way });
    client.on("error", () => {});
    try {
      await client.connect();
      if (!this.#needsWritable) return null;
      const { rows } = await client.query<{ readonly read_only: boolean }>(
        "select pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool as read_only",
      );
      return rows[0]?.read_only === true ? new Error(`the server at ${way.host}:${way.port} takes no writes`) : null;
    } catch (error) {
      return error;
    } finally {
      // One that never connected has nothing to end.
      await client.end().catch(() => {});
    }
  }
}

/**
 * Ends a connection whose server proves its password without binding it to the encryption, before anything is sent to
 * it. The driver binds where the server offers it, and has no option to insist.
 */
function requireChannelBinding(client: pg.Client): void {
  const { connection } = client as unknown as { readonly connection: EventEmitter & { readonly stream: Duplex } };
  let isBound = false;
  const refuse = (): void => {
    connection.stream.destroy(
      new Error("channel_binding=require, and the server offers no SCRAM with channel binding"),
    );
  };
  connection.on("authenticationCleartextPassword", refuse);
  connection.on("authenticationMD5Password", refuse);
  connection.on("authenticationSASL", ({ mechanisms }: { readonly mechanisms: readonly string[] }) => {
    isBound = mechanisms.includes("SCRAM-SHA-256-PLUS");
    if (!isBound) refuse();
  });
  connection.on("authenticationOk", () => {
    if (!isBound) refuse();
  });
}
