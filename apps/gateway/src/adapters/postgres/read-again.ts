import { errorCode } from "./sql.ts";

/** The codes of a connection that is over: of a socket, and of a server that ended a session. */
const CLOSED = new Set(["ECONNRESET", "EPIPE", "57P01", "57P02", "57P05", "08003", "08006"]);
/** Messages of the driver, which come without a code. To connect in vain for a while is no closed connection. */
const CLOSED_MESSAGE = /Connection terminated(?! due to connection timeout)|connection error and is not queryable/i;

/**
 * Reads, and reads once more if the connection was over before the answer came. A server, a pooler or a firewall closes
 * idle connections, and the pool may hand one out before it has heard of that. Only what changes nothing may be given:
 * the first time may have been carried out.
 */
export async function readAgain<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!isClosedConnection(error)) throw error;
    // Now the pool hears of other connections that were closed with this one.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    return read();
  }
}

/** Whether a statement failed because its connection was over. */
export function isClosedConnection(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (CLOSED.has(errorCode(error) ?? "") || CLOSED_MESSAGE.test(error.message)) return true;
  return isClosedConnection(error.cause);
}
