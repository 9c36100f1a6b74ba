import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { CHECK_TIMEOUT_MS } from "./limits.ts";

/**
 * Opens a connection, sends the first message of a protocol, and resolves with the first bytes that come back. Rejects
 * if nobody listens there, or says nothing in time. The connection is closed in each case.
 */
export async function dialServer(params: {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly hello: Uint8Array;
}): Promise<Buffer> {
  const { host, port, isTls, hello } = params;
  // What the certificate says is the gateway's concern: here only the server is looked for.
  const socket: Socket = isTls
    ? connectTls({ host, port, servername: host, rejectUnauthorized: false })
    : connect({ host, port });
  const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
  try {
    await once(socket, isTls ? "secureConnect" : "connect", { signal });
    socket.write(hello);
    const [answer] = (await once(socket, "data", { signal })) as [Buffer];
    return answer;
  } catch (error) {
    if (signal.aborted) throw new Error(`nothing came back for ${CHECK_TIMEOUT_MS / 1000} s`, { cause: error });
    throw error;
  } finally {
    socket.destroy();
  }
}
