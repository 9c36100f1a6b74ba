import { BlockList, isIP } from "node:net";

/**
 * Ranges of IPv4 that are not the public internet: special addresses (RFC 6890), multicast, and what is reserved.
 * 168.63.129.16 is how a machine on Azure asks its own host.
 */
const SPECIAL_IPV4: readonly (readonly [string, number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["168.63.129.16", 32],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/** Ranges within 2000::/3 that are not public, or lead elsewhere: protocols (Teredo), documentation, 6to4. */
const SPECIAL_IPV6: readonly (readonly [string, number])[] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

const special = new BlockList();
for (const [address, prefix] of SPECIAL_IPV4) special.addSubnet(address, prefix, "ipv4");
for (const [address, prefix] of SPECIAL_IPV6) special.addSubnet(address, prefix, "ipv6");
/** What is assigned to hosts of the public internet. Loopback, link-local, ULA and multicast lie outside. */
const globalIpv6 = new BlockList();
globalIpv6.addSubnet("2000::", 3, "ipv6");

/**
 * Whether an address belongs to a host of the public internet. What is no address does not. An IPv6 address that stands
 * for an IPv4 address (mapped, or of the NAT64 prefix 64:ff9b::/96) is what that address is.
 */
export function isPublicAddress(address: string): boolean {
  // An address with a zone is of one's own link.
  if (address.includes("%")) return false;
  const plain = plainAddress(address);
  switch (isIP(plain)) {
    case 4:
      return !special.check(plain, "ipv4");
    case 6:
      return globalIpv6.check(plain, "ipv6") && !special.check(plain, "ipv6");
    default:
      return false;
  }
}

/** Returns the IPv4 address for which an IPv6 address stands, or the address itself. */
export function plainAddress(address: string): string {
  if (isIP(address) !== 6 || address.includes("%")) return address;
  // A URL writes an IPv6 address in one way: hexadecimal and shortened.
  const [, high, low] =
    /^(?:::ffff|64:ff9b:):([\da-f]{1,4}):([\da-f]{1,4})$/.exec(new URL(`http://[${address}]`).hostname.slice(1, -1)) ??
    [];
  if (high === undefined || low === undefined) return address;
  const bits = [high, low].map((group) => Number.parseInt(group, 16));
  return bits.flatMap((group) => [group >> 8, group & 0xff]).join(".");
}
