import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { TrustedProxies } from "../../access/client-address.ts";

/** Whether a request came by TLS: to this process, or to a proxy that is trusted to say so. */
export function cameByTls({ socket, headers }: IncomingMessage, trusted: TrustedProxies): boolean {
  if (socket instanceof TLSSocket) return true;
  const said = headers["x-forwarded-proto"];
  const first = (Array.isArray(said) ? said[0] : said)?.split(",", 1)[0]?.trim().toLowerCase();
  return first === "https" && trusted.has((socket.remoteAddress ?? "").replace(/^::ffff:/i, ""));
}
