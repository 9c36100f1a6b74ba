import { BlockList, isIP, isIPv6 } from "node:net";

/** The proxies through which requests leave, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them. */
export interface ProxySettings {
  /** For `http:` and for `https:` targets; null: those are reached directly. */
  readonly http: string | null;
  readonly https: string | null;
  /** The targets that are reached directly, as `NO_PROXY` lists them. */
  readonly except: readonly string[];
}

/**
 * Returns the proxy for a target, or null for none. An exception is one of these, with or without `:port`:
 *
 * 1. `*`: every target.
 * 2. `example.com`: this host and the hosts below it. `.example.com` and `*.example.com` mean the same.
 * 3. `10.0.0.7`, `[::1]`: this address, where the target names it. No name is looked up.
 * 4. `10.0.0.0/8`, `fd00::/8`: the addresses of this range, likewise.
 */
export function proxyFor(target: URL, { http, https, except }: ProxySettings): string | null {
  const proxy = target.protocol === "https:" ? https : http;
  if (proxy === null) return null;
  return except.some((entry) => includes(entry, target)) ? null : proxy;
}

function includes(entry: string, target: URL): boolean {
  const { name, port } = parsed(entry.toLowerCase());
  if (port !== null && port !== (target.port || (target.protocol === "https:" ? "443" : "80"))) return false;
  if (name === "*") return true;
  // A URL has an IPv6 address in brackets, and a name may end with the dot of the root.
  const host = target.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  if (isIP(host) !== 0) return includesAddress(name, host);
  const suffix = name.replace(/^\*?\./, "").replace(/\.$/, "");
  return suffix !== "" && (host === suffix || host.endsWith(`.${suffix}`));
}

function parsed(entry: string): { readonly name: string; readonly port: string | null } {
  const bracketed = /^\[(.+)\](?::(\d+))?$/.exec(entry);
  if (bracketed !== null) return { name: bracketed[1] ?? "", port: bracketed[2] ?? null };
  // An IPv6 address without brackets has colons of its own.
  const withPort = /^([^:]+):(\d+)$/.exec(entry);
  return withPort === null ? { name: entry, port: null } : { name: withPort[1] ?? "", port: withPort[2] ?? null };
}

function includesAddress(name: string, address: string): boolean {
  const [first = "", prefix] = name.split("/");
  if (isIP(first) === 0 || isIP(first) !== isIP(address)) return false;
  const family = isIPv6(first) ? "ipv6" : "ipv4";
  const bits = family === "ipv6" ? 128 : 32;
  const length = prefix === undefined ? bits : Number(prefix);
  if (!Number.isInteger(length) || length < 0 || length > bits) return false;
  const list = new BlockList();
  list.addSubnet(first, length, family);
  return list.check(address, family);
}
