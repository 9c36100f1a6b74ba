import { StoreUnavailable } from "../../ports/store.ts";
import { errorCode } from "./sql.ts";

/** Node's codes for sockets that failed. */
const SOCKET_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/**
 * Postgres' codes for errors after which the same statement may succeed. They are connection failures, too few
 * resources, a standby, a deadlock, a timeout, a shutdown and a failed disk.
 */
const SQLSTATE = /^(08...|53...|58...|25006|40001|40P01|55P03|57014|57P0[1-5])$/;

/** Messages of drivers, which come without a code. */
const MESSAGES =
  /Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|not queryable|Client was closed|pool after calling end|PGlite is closed|PGlite is closing/i;

/** The error that a caller gets: `StoreUnavailable` for one that may pass, the error itself for a bug. */
export function asStoreError(error: unknown): unknown {
  return mayPass(error)
    ? new StoreUnavailable(`the store cannot be reached: ${describe(error)}`, { cause: error })
    : error;
}

function mayPass(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(mayPass);
  const code = errorCode(error);
  if (code !== undefined && (SOCKET_CODES.has(code) || SQLSTATE.test(code))) return true;
  return error instanceof Error && MESSAGES.test(error.message);
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join("; ");
  return error instanceof Error ? error.message : String(error);
}
