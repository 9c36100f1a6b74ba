/**
 * What `DATABASE_URL` says, as libpq and the hosts of Postgres mean it. It is pure: `connect-options.ts` reads the
 * files of certificates.
 *
 * 1. A parameter that hsafa does not know is refused by its name. One that changes nothing here is listed in `UNUSED`.
 * 2. `sslmode` means what libpq means by it. `docs/deploy/postgres.md` has the table.
 * 3. No message contains the address, which may hold a password.
 */
import { isIP } from "node:net";
import { CONNECT_TIMEOUT_S_MIN, STORE_CONNECTIONS_MAX } from "./limits.ts";

export interface PostgresHost {
  /** A name, an IP address, or the folder of a Unix socket, which begins with `/`. */
  readonly host: string;
  readonly port: number;
}

const SSL_MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

const CHANNEL_BINDINGS = ["disable", "prefer", "require"] as const;

export interface PostgresAddress {
  /** At least one. With several, the first that can be written to is used. */
  readonly hosts: readonly PostgresHost[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  /** Null: `prefer`, or no TLS on this machine. */
  readonly sslMode: SslMode | null;
  /** Paths of PEM files; `system` for the authorities that Node.js knows. */
  readonly sslRootCert: string | undefined;
  readonly sslCert: string | undefined;
  readonly sslKey: string | undefined;
  readonly sslPassword: string | undefined;
  /** Whether TLS begins at once, without Postgres' own request for it. */
  readonly isSslDirect: boolean;
  readonly channelBinding: (typeof CHANNEL_BINDINGS)[number];
  /** Null: the first schema of the role's `search_path`. */
  readonly schema: string | null;
  /** The start-up parameter `options`. */
  readonly options: string | undefined;
  readonly applicationName: string;
  /** Milliseconds; null: the store's own bound. */
  readonly connectTimeoutMs: number | null;
  /** Null: the store's own number of connections. */
  readonly poolSize: number | null;
  /** The URL says that a pooler in transaction mode is in between. It is tried all the same. */
  readonly saysTransactionPooler: boolean;
}

/** Parameters that are known and change nothing here, since hsafa does this itself or has no use for it. */
const UNUSED: ReadonlySet<string> = new Set([
  // Prisma's pool and engine.
  "pool_timeout",
  "socket_timeout",
  "statement_cache_size",
  "max_idle_connection_lifetime",
  "max_connection_lifetime",
  "single_use_connections",
  // What Supabase's and Vercel's integrations add to say where a URL comes from.
  "supa",
  "workaround",
  // node-postgres: libpq's meaning of sslmode, which is the only one here.
  "uselibpqcompat",
  // libpq.
  "client_encoding",
  "fallback_application_name",
  "gssencmode",
  "keepalives",
  "keepalives_count",
  "keepalives_idle",
  "keepalives_interval",
  "load_balance_hosts",
  "sslcertmode",
  "sslcompression",
  "sslsni",
  "tcp_user_timeout",
]);

const USED = [
  "application_name",
  "channel_binding",
  "connect_timeout",
  "connection_limit",
  "dbname",
  "host",
  "options",
  "password",
  "pgbouncer",
  "port",
  "schema",
  "ssl",
  "sslcert",
  "sslkey",
  "sslmode",
  "sslnegotiation",
  "sslpassword",
  "sslrootcert",
  "target_session_attrs",
  "user",
] as const;
type Used = (typeof USED)[number];

const SHAPE =
  /^postgres(?:ql)?:\/\/(?:(?<user>[^/?#]*)@)?(?<hosts>[^@/?#]*)(?:\/(?<database>[^/?#]*))?(?:\?(?<query>[^#]*))?$/;
const EXAMPLE = "give it as postgres://user:password@host:5432/name";

/** Reads the address of a database. Throws an error that says what is wrong with it and what to do. */
export function parsePostgresAddress(url: string): PostgresAddress {
  const parts = SHAPE.exec(url)?.groups;
  if (parts === undefined) {
    throw new Error(
      `the address of the database (DATABASE_URL) is no URL; ${EXAMPLE}, with /, ?, # and % in a password percent-encoded`,
    );
  }
  const given = readParameters(parts["query"] ?? "");
  const [user, ...password] = (parts["user"] ?? "").split(":");
  const { sslMode, schema } = { sslMode: sslModeOf(given), schema: given.schema ?? null };
  requireWritable(given.target_session_attrs);
  const isSslDirect = oneOf("sslnegotiation", given.sslnegotiation, ["postgres", "direct"]) === "direct";
  if (isSslDirect && !["require", "verify-ca", "verify-full"].includes(sslMode ?? "")) {
    // As in libpq: there is no way back to a plain connection, nor to another negotiation.
    throw fault("sslnegotiation=direct needs sslmode=require, verify-ca or verify-full");
  }
  if ((given.sslcert === undefined) !== (given.sslkey === undefined)) {
    throw fault("sslcert and sslkey belong together: give both, or neither");
  }
  return {
    hosts: hostsOf(given.host ?? parts["hosts"] ?? "", given.port),
    user: given.user ?? decoded(user),
    password: given.password ?? (password.length === 0 ? undefined : decoded(password.join(":"))),
    database: given.dbname ?? decoded(parts["database"]),
    sslMode,
    sslRootCert: given.sslrootcert,
    sslCert: given.sslcert,
    sslKey: given.sslkey,
    sslPassword: given.sslpassword,
    isSslDirect,
    channelBinding: oneOf("channel_binding", given.channel_binding, CHANNEL_BINDINGS) ?? "prefer",
    schema,
    options: given.options,
    applicationName: given.application_name ?? "hsafa",
    connectTimeoutMs: connectTimeoutOf(given.connect_timeout),
    poolSize: poolSizeOf(given.connection_limit),
    saysTransactionPooler: given.pgbouncer === "true",
  };
}

/** Whether nothing between this process and the server can be listened to from outside of this machine. */
export function isOnThisMachine({ host }: PostgresHost): boolean {
  return (
    host.startsWith("/") || host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))
  );
}

function fault(what: string): Error {
  return new Error(`the address of the database (DATABASE_URL) cannot be used: ${what}`);
}

function readParameters(query: string): Partial<Record<Used, string>> {
  const given: Partial<Record<Used, string>> = {};
  const unknown: string[] = [];
  for (const [name, value] of new URLSearchParams(query)) {
    const used = USED.find((known) => known === name);
    if (used !== undefined) given[used] = value;
    else if (!UNUSED.has(name)) unknown.push(name);
  }
  // 1.
  if (unknown.length > 0) {
    throw fault(`hsafa does not know its parameter ${unknown.join(", ")}; it knows ${USED.join(", ")}`);
  }
  return given;
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw fault("a % in it is no percent-encoding; write a percent sign as %25");
  }
}

function oneOf<T extends string>(name: string, value: string | undefined, values: readonly T[]): T | undefined {
  if (value === undefined) return undefined;
  const known = values.find((each) => each === value);
  if (known === undefined) throw fault(`${name} is one of ${values.join(", ")}, not '${value}'`);
  return known;
}

/** 2. `ssl` and `no-verify` are how node-postgres has it, and `ssl=true` is also JDBC's. */
function sslModeOf({ sslmode, ssl }: Partial<Record<Used, string>>): SslMode | null {
  if (sslmode === "no-verify") return "require";
  const mode = oneOf("sslmode", sslmode, SSL_MODES);
  if (mode !== undefined) return mode;
  const values: Readonly<Record<string, SslMode>> = {
    true: "verify-full",
    "1": "verify-full",
    false: "disable",
    "0": "disable",
  };
  if (ssl === undefined) return null;
  const said = values[ssl];
  if (said === undefined) throw fault(`ssl is true or false, not '${ssl}'; sslmode says more`);
  return said;
}

/** A standby takes no writes, and hsafa writes all the time. */
function requireWritable(attributes: string | undefined): void {
  const writable = ["any", "read-write", "primary"];
  if (attributes === undefined || writable.includes(attributes)) return;
  throw fault(`target_session_attrs=${attributes} asks for a server that takes no writes; hsafa needs read-write`);
}

function connectTimeoutOf(seconds: string | undefined): number | null {
  if (seconds === undefined) return null;
  if (!/^\d{1,6}$/.test(seconds)) throw fault("connect_timeout is a whole number of seconds");
  // As in libpq, zero is no bound of its own, and one second is too few.
  return Number(seconds) === 0 ? null : Math.max(CONNECT_TIMEOUT_S_MIN, Number(seconds)) * 1000;
}

function poolSizeOf(count: string | undefined): number | null {
  if (count === undefined) return null;
  const number = /^\d{1,4}$/.test(count) ? Number(count) : 0;
  if (number >= 1 && number <= STORE_CONNECTIONS_MAX) return number;
  throw fault(`connection_limit is a whole number from 1 to ${STORE_CONNECTIONS_MAX}`);
}

function hostsOf(hosts: string, ports: string | undefined): PostgresHost[] {
  const portList = ports?.split(",") ?? [];
  return hosts.split(",").map((text, index) => {
    const match = /^(?:\[(?<v6>[^\]]*)\]|(?<name>[^:]*))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups;
    const host = match?.["v6"] ?? decoded(match?.["name"]) ?? "localhost";
    const port = Number(match?.["port"] ?? (portList.length === 1 ? portList[0] : portList[index]) ?? 5432);
    if (match === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) {
      throw fault(`it has no host and port where they belong; ${EXAMPLE}, or host1:5432,host2:5432 for several`);
    }
    return { host, port };
  });
}
