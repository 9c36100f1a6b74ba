import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { ClientConfig } from "pg";
import { isOnThisMachine, type PostgresAddress, type PostgresHost, type SslMode } from "./postgres-address.ts";

/** One way to connect: to which host, with TLS or without. */
export type ConnectOptions = Pick<ClientConfig, "host" | "port" | "ssl">;

/**
 * Returns the ways to connect to an address, in the order in which libpq tries them. At least one. Throws an error that
 * names the file when a certificate cannot be read.
 */
export function connectOptionsOf(address: PostgresAddress): readonly ConnectOptions[] {
  return address.hosts.flatMap((host) =>
    tlsOrder(host, address.sslMode).map((withTls) => ({
      host: host.host,
      port: host.port,
      ssl: withTls ? tlsOptions(address) : false,
    })),
  );
}

/** Whether TLS is used, for each try in turn. Without `sslmode` it is `prefer`, as in libpq, but for this machine. */
function tlsOrder(host: PostgresHost, mode: SslMode | null): readonly boolean[] {
  // Postgres has no TLS on Unix sockets.
  if (host.host.startsWith("/")) return [false];
  const meant = mode ?? (isOnThisMachine(host) ? "disable" : "prefer");
  switch (meant) {
    case "disable":
      return [false];
    case "allow":
      return [false, true];
    case "prefer":
      return [true, false];
    case "require":
    case "verify-ca":
    case "verify-full":
      return [true];
    default:
      return meant satisfies never;
  }
}

function tlsOptions(address: PostgresAddress): ConnectionOptions {
  const { sslRootCert, sslCert, sslKey, sslPassword, sslMode } = address;
  const ca = sslRootCert === undefined || sslRootCert === "system" ? undefined : pem("sslrootcert", sslRootCert);
  const identity = {
    ...(ca === undefined ? {} : { ca }),
    ...(sslCert === undefined ? {} : { cert: pem("sslcert", sslCert) }),
    ...(sslKey === undefined ? {} : { key: pem("sslkey", sslKey) }),
    ...(sslPassword === undefined ? {} : { passphrase: sslPassword }),
  };
  if (sslMode === "verify-full") return { ...identity, rejectUnauthorized: true };
  // As in libpq: who gives an authority wants it to be asked, also with `require`.
  if (sslMode === "verify-ca" || (sslMode === "require" && ca !== undefined)) {
    return { ...identity, rejectUnauthorized: true, checkServerIdentity: () => undefined };
  }
  return { ...identity, rejectUnauthorized: false };
}

function pem(parameter: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `the file of ${parameter} in the address of the database (DATABASE_URL) cannot be read: ${reason}`,
      {
        cause: error,
      },
    );
  }
}
