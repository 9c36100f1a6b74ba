import { BlockList, isIP, isIPv6 } from "node:net";

/** A host, by its name or its address, and a port. */
export interface Target {
  /** An IPv6 address stands without brackets. */
  readonly host: string;
  readonly port: string;
}

/** Returns the target of a URL of `http:` or `https:`. */
export function targetOf(url: URL): Target {
  // A URL has an IPv6 address in brackets, and a name may end with the dot of the root.
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  return { host, port: url.port || (url.protocol === "https:" ? "443" : "80") };
}

/**
 * Whether a list names this target. An entry is one of these, with or without `:port`:
 *
 * 1. `*`: every target.
 * 2. `example.com`: this host and the hosts below it. `.example.com` and `*.example.com` mean the same.
 * 3. `10.0.0.7`, `[::1]`: this address, where the target names it. No name is looked up.
 * 4. `10.0.0.0/8`, `fd00::/8`: the addresses of this range, likewise.
 */
export function isListedTarget(target: Target, list: readonly string[]): boolean {
  return list.some((entry) => includes(entry.toLowerCase(), target));
}

function includes(entry: string, { host, port }: Target): boolean {
  const { name, port: entryPort } = parsed(entry);
  if (entryPort !== null && entryPort !== port) return false;
  if (name === "*") return true;
  if (isIP(host) !== 0) return rangeIncludes(name, host);
  const suffix = name.replace(/^\*?\./, "").replace(/\.$/, "");
  return suffix !== "" && (host === suffix || host.endsWith(`.${suffix}`));
}

function parsed(entry: string): { readonly name: string; readonly port: string | null } {
  const bracketed = /^\[(.+)\](?::(\d{1,5}))?$/.exec(entry);
  if (bracketed !== null) return { name: bracketed[1] ?? "", port: bracketed[2] ?? null };
  // An IPv6 address without brackets has colons of its own.
  const withPort = /^([^:]+):(\d{1,5})$/.exec(entry);
  return withPort === null ? { name: entry, port: null } : { name: withPort[1] ?? "", port: withPort[2] ?? null };
}

/** Whether a name such as `10.0.0.0/8` means this address. */
function rangeIncludes(name: string, address: string): boolean {
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
