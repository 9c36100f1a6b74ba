import fc from "fast-check";
import { expect, test } from "vitest";
import { isPublicAddress } from "./is-public-address.ts";

test.each([
  ["this host", "0.0.0.0"],
  ["this network", "0.1.2.3"],
  ["a private network", "10.1.2.3"],
  ["a carrier's network", "100.64.0.1"],
  ["the metadata of Alibaba Cloud", "100.100.100.200"],
  ["loopback", "127.0.0.1"],
  ["all of loopback", "127.255.255.254"],
  ["the host of a machine on Azure", "168.63.129.16"],
  ["the metadata of most clouds", "169.254.169.254"],
  ["a private network of 20 bits", "172.31.255.255"],
  ["protocols", "192.0.0.192"],
  ["documentation", "192.0.2.1"],
  ["a relay of 6to4", "192.88.99.1"],
  ["a network at home", "192.168.1.1"],
  ["benchmarks", "198.19.0.1"],
  ["more documentation", "203.0.113.9"],
  ["multicast", "224.0.0.251"],
  ["what is reserved", "240.0.0.1"],
  ["broadcast", "255.255.255.255"],
  ["no address of IPv6", "::"],
  ["loopback of IPv6", "::1"],
  ["loopback, mapped", "::ffff:127.0.0.1"],
  ["loopback, mapped, in hexadecimal", "::ffff:7f00:1"],
  ["loopback, mapped, written out", "0:0:0:0:0:FFFF:7F00:0001"],
  ["loopback, compatible", "::127.0.0.1"],
  ["loopback, translated", "::ffff:0:127.0.0.1"],
  ["metadata by NAT64", "64:ff9b::169.254.169.254"],
  ["this network by NAT64", "64:ff9b::1"],
  ["a local NAT64", "64:ff9b:1::8.8.8.8"],
  ["Teredo", "2001:0:4136:e378::1"],
  ["benchmarks of IPv6", "2001:2::1"],
  ["documentation of IPv6", "2001:db8::1"],
  ["new documentation of IPv6", "3fff::1"],
  ["loopback by 6to4", "2002:7f00:1::"],
  ["what is discarded", "100::1"],
  ["a unique local address", "fd12::1"],
  ["metadata of AWS by IPv6", "fd00:ec2::254"],
  ["link-local", "fe80::1"],
  ["link-local with its zone", "fe80::1%eth0"],
  ["a public address with a zone", "2606:4700::1111%eth0"],
  ["a former site-local address", "fec0::1"],
  ["multicast of IPv6", "ff02::1"],
  ["a name", "localhost"],
  ["nothing", ""],
])("%s is not public: %s", (_, address) => {
  expect(isPublicAddress(address)).toBe(false);
});

test.each([
  "1.1.1.1",
  "9.255.255.255",
  "11.0.0.0",
  "100.63.255.255",
  "100.128.0.0",
  "126.255.255.255",
  "128.0.0.1",
  "169.253.255.255",
  "172.15.255.255",
  "172.32.0.0",
  "192.167.255.255",
  "223.255.255.255",
  "2606:4700:4700::1111",
  "2a00:1450:4001:81b::200e",
  "::ffff:1.1.1.1",
  "64:ff9b::1.1.1.1",
])("%s is public", (address) => {
  expect(isPublicAddress(address)).toBe(true);
});

test("an address of IPv4 is what it is in every spelling that a URL or IPv6 has for it", () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const bytes = fc.tuple(fc.oneof(byte, fc.constantFrom(0, 10, 127, 169, 172, 192, 224)), byte, byte, byte);
  fc.assert(
    fc.property(bytes, ([a, b, c, d]) => {
      const plain = `${a}.${b}.${c}.${d}`;
      const number = ((a * 256 + b) * 256 + c) * 256 + d;
      const spellings = [
        String(number),
        `0x${number.toString(16)}`,
        `0${number.toString(8)}`,
        `0${a.toString(8)}.0x${b.toString(16)}.${c * 256 + d}`,
        `${a}.${(b * 256 + c) * 256 + d}`,
        `${plain}.`,
      ];
      const parsed = spellings.map((spelling) => new URL(`http://${spelling}/`).hostname);
      const groups = [a * 256 + b, c * 256 + d].map((group) => group.toString(16)).join(":");
      const all = [...parsed, `::ffff:${plain}`, `::ffff:${groups}`, `0:0:0:0:0:ffff:${groups}`];
      expect(all.map(isPublicAddress)).toEqual(all.map(() => isPublicAddress(plain)));
      expect(isPublicAddress(`::${groups}`)).toBe(false);
    }),
  );
});
