/**
 * Whether a browser page of this origin may talk to this gateway: its own pages, and those of the origins an operator
 * named. What sends no `Origin` is no page of another site. Only hosts are compared for the gateway's own pages, since
 * a proxy in front of it may be the one that speaks TLS.
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowedOrigins: readonly string[],
): boolean {
  if (origin === undefined || allowedOrigins.includes(origin)) return true;
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}
