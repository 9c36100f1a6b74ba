/**
 * Returns whether a request may name the gateway so in its `Host` header. A page elsewhere may give its own name the
 * address of loopback (DNS rebinding). It would then be of one origin with the gateway. Its requests bear its name.
 *
 * On loopback the names of loopback are taken, and those that an operator lists. Elsewhere all are taken, unless an
 * operator lists some. What sends no `Host` is no browser.
 */
export function allowedHosts(params: {
  readonly isLoopback: boolean;
  readonly listed: readonly string[];
}): (host: string | undefined) => boolean {
  const listed = new Set(params.listed.map((name) => name.toLowerCase()));
  const takesAll = !params.isLoopback && listed.size === 0;
  return (host) => {
    if (takesAll || host === undefined) return true;
    const name = hostName(host);
    return name !== null && (listed.has(name) || (params.isLoopback && isLoopbackName(name)));
  };
}

/** What a request under another name is told. */
export const UNKNOWN_HOST =
  "The gateway is not known by this Host; an operator lists its names in HSAFA_ALLOWED_HOSTS.";

/** The name without its port, in lower case. Null: it is no name. */
function hostName(host: string): string | null {
  const url = `http://${host}`;
  if (!URL.canParse(url) || /[/?#@\\]/.test(host)) return null;
  return new URL(url).hostname.replace(/\.$/, "");
}

function isLoopbackName(name: string): boolean {
  return name === "localhost" || name === "[::1]" || /^127(\.\d{1,3}){3}$/.test(name);
}
