import type { PostgresAddress } from "./postgres-address.ts";
import { errorCode } from "./sql.ts";
import { asStoreError } from "./store-error.ts";

/** Node's codes for a certificate that was not accepted. */
const CERTIFICATE =
  /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID)$/;

/** The error of a first connection, with what to do where the address is at fault. */
export function describeConnectFailure(error: unknown, { isSslDirect }: Pick<PostgresAddress, "isSslDirect">): unknown {
  const advice = isSslDirect && isNoHandshake(error) ? NOT_DIRECT : adviceOn(error);
  if (advice === null) return asStoreError(error);
  const message = error instanceof Error ? error.message : String(error);
  return new Error(`the database does not take the connection that DATABASE_URL describes: ${message}. ${advice}`, {
    cause: error,
  });
}

const NOT_DIRECT =
  "The server closed the connection at the first message of TLS: sslnegotiation=direct is for Postgres 17 and later. " +
  "Leave it out for others.";

/** The server was there, and ended the connection before TLS stood. */
function isNoHandshake(error: unknown): boolean {
  const message = error instanceof Error ? error.message : "";
  return (
    errorCode(error) === "ECONNRESET" || /before secure TLS connection|Connection terminated unexpectedly/.test(message)
  );
}

function adviceOn(error: unknown): string | null {
  const code = errorCode(error) ?? "";
  if (CERTIFICATE.test(code)) {
    return (
      "Give the authority that signed the server's certificate as sslrootcert=<file>. sslmode=verify-ca leaves the host's " +
      "name out of the check, and sslmode=require encrypts without any."
    );
  }
  const message = error instanceof Error ? error.message : "";
  if (message.includes("does not support SSL")) {
    return "The server has no TLS: sslmode=prefer uses it where it is there, and sslmode=disable never.";
  }
  if (code === "28000" && /no encryption|SSL off/.test(message)) {
    return "The server takes encrypted connections only: add sslmode=require.";
  }
  return null;
}
