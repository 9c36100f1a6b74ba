/**
 * The session of the console in a request: a cookie that no script reads.
 *
 * 1. It counts for requests of the gateway's own pages alone, as the browser says. A page elsewhere gets no request
 *    through with it (CSRF). That holds for another port of the same machine, too.
 * 2. It belongs to the port, which cookies do not know of: two gateways on one machine do not overwrite each other's.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isOriginAllowed } from "../origin.ts";

interface Asked {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** The sealed session of a request, or null. */
export function sessionIn({ method, headers }: Asked): string | null {
  if (!isOwnPage({ method, headers })) return null; // 1.
  const name = sessionCookieName(headers.host);
  for (const pair of (headers.cookie ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
  }
  return null;
}

/**
 * Whether a request comes from a page of the gateway itself. Browsers name the origin with everything but a plain read,
 * and say of reads whose page it is. A read without either is of no page of another site that could see its answer.
 */
export function isOwnPage({ method, headers }: Asked): boolean {
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"];
  if (site !== undefined && site !== "same-origin") return false;
  if (origin === undefined) return method === "GET" || method === "HEAD";
  return isOriginAllowed(origin, host, []);
}

/** The name of the cookie: it has the port of the gateway. */
function sessionCookieName(host: string | undefined): string {
  const port = /:(\d{1,5})$/.exec(host ?? "")?.[1];
  return port === undefined ? "hsafa_session" : `hsafa_session_${port}`; // 2.
}

/** The header that keeps a session for so long; without one, the header that forgets it. */
export function sessionCookie(params: {
  readonly host: string | undefined;
  readonly session: { readonly sealed: string; readonly livesMs: number } | null;
  readonly isSecure: boolean;
}): string {
  const { host, session, isSecure } = params;
  const maxAge = session === null ? 0 : Math.max(0, Math.floor(session.livesMs / 1000));
  const secure = isSecure ? "; Secure" : "";
  return `${sessionCookieName(host)}=${session?.sealed ?? ""}; Path=/api; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
}
