import { BlockList, isIP, isIPv6 } from "node:net";

/** Addresses of proxies whose `X-Forwarded-For` is believed. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** Each entry is an address (`10.0.0.7`) or a range (`10.0.0.0/8`), as `isAddressRange` accepts it. */
  constructor(entries: readonly string[]) {
    this.#isEmpty = entries.length === 0;
    for (const entry of entries) {
      const [address = "", prefix] = entry.split("/");
      const family = isIPv6(address) ? "ipv6" : "ipv4";
      this.#list.addSubnet(address, prefix === undefined ? (family === "ipv6" ? 128 : 32) : Number(prefix), family);
    }
  }

  has(address: string): boolean {
    return !this.#isEmpty && isIP(address) !== 0 && this.#list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  }
}

/**
 * Returns the address of the client of a request. Each proxy adds the address of the one before it to the end of the
 * header. So the header is read from its end, for as long as the sender of the next entry is trusted. Nobody else can
 * choose the address that counts.
 */
export function clientAddress(
  request: { readonly remoteAddress: string | undefined; readonly forwardedFor: string | undefined },
  trusted: TrustedProxies,
): string {
  let address = plainAddress(request.remoteAddress ?? "");
  const entries = (request.forwardedFor ?? "").split(",").map((entry) => plainAddress(entry.trim()));
  while (trusted.has(address)) {
    const before = entries.pop();
    // What is no address was not written by a proxy.
    if (before === undefined || isIP(before) === 0) break;
    address = before;
  }
  return address;
}

/**
 * The part of an address that one client can be expected to have alone. Of IPv6 that is the first half: a host has all
 * addresses of its network.
 */
export function addressShare(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("%", 1)[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === "" ? 0 : tail.split(":").length);
  const whole = [...groups, ...Array.from({ length: missing }, () => "0"), ...(tail ? tail.split(":") : [])];
  return `${whole
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}

/** The address alone: an entry may have a port, and a socket of IPv6 reports an IPv4 address as `::ffff:10.0.0.7`. */
function plainAddress(text: string): string {
  const mapped = /^(?:::ffff:)?(\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?$/i.exec(text);
  if (mapped?.[1] !== undefined) return mapped[1];
  return /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? text;
}
