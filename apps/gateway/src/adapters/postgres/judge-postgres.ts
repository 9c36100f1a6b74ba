import type { Finding } from "../../ports/finding.ts";
import { POSTGRES_CLOCK_SKEW_MS_MAX, POSTGRES_VERSION_MIN } from "./limits.ts";
import type { PostgresAddress } from "./postgres-address.ts";
import { errorCode } from "./sql.ts";

/** What a server says about itself, and when that was. */
export interface ServerFacts {
  /** Such as `16.4 (Debian …)`, and the same as a number: 160004. */
  readonly version: string;
  readonly versionNumber: number;
  readonly isReadOnly: boolean;
  /** The server's clock, and ours before and after it was asked, in milliseconds since 1970. */
  readonly serverMs: number;
  readonly askedMs: number;
  readonly answeredMs: number;
}

/** Returns whether gateways can work with a server that took the connection. */
export function judgePostgres(facts: ServerFacts, address: PostgresAddress): Finding {
  const version = facts.version.split(" ", 1)[0] ?? "";
  const what = `Postgres ${version} at ${placeOf(address)}`;
  if (Math.floor(facts.versionNumber / 10_000) < POSTGRES_VERSION_MIN) {
    return broken(`${what} is too old`, `Use Postgres ${POSTGRES_VERSION_MIN} or later.`);
  }
  if (facts.isReadOnly) {
    const cure = "Name the primary, or all hosts of the cluster: host1:5432,host2:5432.";
    return broken(`${what} takes no writes: it is a standby, or its default is read-only`, cure);
  }
  const { askedMs, answeredMs, serverMs } = facts;
  // The server looked at its clock at some moment between the two.
  const skewMs = serverMs > answeredMs ? serverMs - answeredMs : Math.min(0, serverMs - askedMs);
  if (Math.abs(skewMs) > POSTGRES_CLOCK_SKEW_MS_MAX) {
    const told = `${(Math.abs(skewMs) / 1000).toFixed(0)} s ${skewMs > 0 ? "ahead of" : "behind"}`;
    return {
      state: "warning",
      message: `${what} serves, and its clock is ${told} that of this machine`,
      cure: "Let both be set by NTP: deadlines are told by the clock of Postgres, and tokens expire by the gateway's.",
    };
  }
  return { state: "ok", message: `${what} serves, with a clock as here`, cure: null };
}

/** Returns what is wrong with a connection that was not made, and what to do. `null`: the error itself says both. */
export function judgePostgresFailure(error: unknown, address: PostgresAddress): Finding | null {
  const { user = "", database = user } = address;
  const at = `the server at ${placeOf(address)}`;
  switch (errorCode(error)) {
    case "28P01":
      return broken(
        `${at} refuses the password of '${user}'`,
        "Correct the password in DATABASE_URL, with /, ?, # and % percent-encoded.",
      );
    case "28000":
      return broken(
        `${at} does not let '${user}' in: ${messageOf(error)}`,
        "Make the role, or allow it from here in pg_hba.conf. If it must encrypt, add ?sslmode=require.",
      );
    case "3D000":
      return broken(`${at} has no database '${database}'`, `Make it: create database "${database}".`);
    case "42501":
      return broken(`${at} does not let '${user}' in: ${messageOf(error)}`, `Grant it: grant connect on database.`);
    case "53300":
      return broken(`${at} has no connection left`, "Close some, or raise max_connections; a gateway needs 11.");
    case "57P03":
      return broken(`${at} does not serve yet: ${messageOf(error)}`, "Wait until it has started.");
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return broken(`the name of ${at} is unknown here`, "Correct the host in DATABASE_URL.");
    case "ECONNREFUSED":
    case "ENOENT":
    case "EHOSTUNREACH":
    case "ETIMEDOUT":
      return broken(`nothing listens at ${placeOf(address)}`, START);
    default:
      break;
  }
  const message = messageOf(error);
  if (/password must be a string|no password/i.test(message)) {
    return broken(
      `${at} asks for a password, and DATABASE_URL has none`,
      "Write postgres://user:password@host/database.",
    );
  }
  if (/timeout|timed out/i.test(message)) return broken(`${at} does not answer in time`, START);
  if (
    /Connection terminated unexpectedly|ECONNRESET|Received unexpected/.test(`${message} ${errorCode(error) ?? ""}`)
  ) {
    return broken(`what listens at ${placeOf(address)} is no Postgres`, "Correct host and port in DATABASE_URL.");
  }
  return null;
}

const START = `Start Postgres ${POSTGRES_VERSION_MIN} or later there, open the way to it, or correct DATABASE_URL.`;

function broken(message: string, cure: string): Finding {
  return { state: "broken", message, cure };
}

/** The hosts of an address, without its password. */
function placeOf({ hosts }: PostgresAddress): string {
  return hosts.map(({ host, port }) => `${host}:${port}`).join(", ");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
