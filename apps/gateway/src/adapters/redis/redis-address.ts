/**
 * What `REDIS_URL` says. node-redis reads scheme, user, password, host and database; it ignores the query, so that is
 * read here. The names are those of redis-py, which most URLs with certificates are written for.
 *
 * 1. A parameter that hsafa does not know is refused by its name.
 * 2. No message contains the address, which may hold a password.
 */
import { readFileSync } from "node:fs";

export interface RedisAddress {
  /** The address without its query. */
  readonly url: string;
  /** Null: no TLS. */
  readonly tls: RedisTls | null;
}

export interface RedisTls {
  readonly tls: true;
  /** PEM texts. Without `ca` the authorities that Node.js knows are asked. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly rejectUnauthorized: boolean;
  /** Set where the host's name is not checked. */
  readonly checkServerIdentity?: () => undefined;
}

const PARAMETERS = ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"] as const;
type Parameter = (typeof PARAMETERS)[number];

/** Reads the address of a Redis. Throws an error that says what is wrong with it and what to do. */
export function parseRedisAddress(text: string): RedisAddress {
  if (!URL.canParse(text)) {
    throw fault("it cannot be read; it looks like redis://user:password@host:6379/0, or rediss:// for TLS");
  }
  const url = new URL(text);
  if (url.protocol !== "redis:" && url.protocol !== "rediss:") {
    throw fault(
      `it begins with ${url.protocol}// and hsafa speaks redis:// and rediss:// to one primary. For Sentinel or Cluster, see docs/deploy/redis.md`,
    );
  }
  const given = readParameters(url.searchParams);
  url.search = "";
  const isTls = url.protocol === "rediss:";
  if (!isTls && Object.keys(given).length > 0) throw fault("parameters about certificates need rediss://");
  return { url: url.href, tls: isTls ? tlsOf(given) : null };
}

function fault(what: string): Error {
  return new Error(`the Redis address (REDIS_URL) cannot be used: ${what}`);
}

function readParameters(query: URLSearchParams): Partial<Record<Parameter, string>> {
  const given: Partial<Record<Parameter, string>> = {};
  const unknown: string[] = [];
  for (const [name, value] of query) {
    const known = PARAMETERS.find((parameter) => parameter === name);
    if (known === undefined) unknown.push(name);
    else given[known] = value;
  }
  // 1.
  if (unknown.length > 0) {
    throw fault(`hsafa does not know its parameter ${unknown.join(", ")}; it knows ${PARAMETERS.join(", ")}`);
  }
  return given;
}

function tlsOf(given: Partial<Record<Parameter, string>>): RedisTls {
  const { ssl_ca_certs: ca, ssl_certfile: cert, ssl_keyfile: key } = given;
  if ((cert === undefined) !== (key === undefined)) {
    throw fault("ssl_certfile and ssl_keyfile belong together: give both, or neither");
  }
  return {
    tls: true,
    ...(ca === undefined ? {} : { ca: pem("ssl_ca_certs", ca) }),
    ...(cert === undefined ? {} : { cert: pem("ssl_certfile", cert) }),
    ...(key === undefined ? {} : { key: pem("ssl_keyfile", key) }),
    rejectUnauthorized: isChecked(given.ssl_cert_reqs),
    ...(isTrue(given.ssl_check_hostname) ? {} : { checkServerIdentity: () => undefined }),
  };
}

function isChecked(value = "required"): boolean {
  const required = value.replace(/^CERT_/, "").toLowerCase();
  if (required === "required") return true;
  if (required === "none") return false;
  throw fault(`ssl_cert_reqs is required or none, not '${value}'`);
}

function isTrue(value = "true"): boolean {
  if (value.toLowerCase() === "true") return true;
  if (value.toLowerCase() === "false") return false;
  throw fault(`ssl_check_hostname is true or false, not '${value}'`);
}

function pem(parameter: Parameter, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw fault(`the file of ${parameter} cannot be read: ${reason}`);
  }
}
