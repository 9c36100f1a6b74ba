import { expect, test } from "vitest";
import { addressShare, clientAddress, TrustedProxies } from "./client-address.ts";

const none = new TrustedProxies([]);
const proxies = new TrustedProxies(["10.0.0.0/8", "192.168.7.7", "fd00::/8"]);

test.each([
  ["without trusted proxies the header says nothing", none, "10.0.0.1", "1.2.3.4", "10.0.0.1"],
  ["a client that is no proxy cannot choose its address", proxies, "5.6.7.8", "1.2.3.4", "5.6.7.8"],
  ["behind one proxy its entry counts", proxies, "10.0.0.1", "1.2.3.4", "1.2.3.4"],
  ["what a client wrote before the proxy's entry does not count", proxies, "10.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4"],
  ["behind two proxies the first one's entry counts", proxies, "10.0.0.1", "1.2.3.4, 192.168.7.7", "1.2.3.4"],
  ["a proxy that adds nothing is the client", proxies, "10.0.0.1", undefined, "10.0.0.1"],
  ["an entry that is no address ends the reading", proxies, "10.0.0.1", "1.2.3.4, unknown", "10.0.0.1"],
  ["an IPv4 address on an IPv6 socket is that address", proxies, "::ffff:10.0.0.1", "1.2.3.4", "1.2.3.4"],
  ["an entry may have a port", proxies, "10.0.0.1", "1.2.3.4:5678", "1.2.3.4"],
  ["and brackets", proxies, "fd00::1", "[2001:db8::1]:80", "2001:db8::1"],
])("%s", (_what, trusted, remoteAddress, forwardedFor, expected) => {
  expect(clientAddress({ remoteAddress, forwardedFor }, trusted)).toBe(expected);
});

test("all addresses of one IPv6 network are one client, and each IPv4 address is one", () => {
  expect(addressShare("1.2.3.4")).toBe("1.2.3.4");
  expect(addressShare("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
  expect(addressShare("2001:db8:1:2::9")).toBe("2001:db8:1:2::/64");
  expect(addressShare("2001:0DB8:1:2::")).toBe("2001:db8:1:2::/64");
  expect(addressShare("::1")).toBe("0:0:0:0::/64");
  expect(addressShare("2001:db8::1")).toBe("2001:db8:0:0::/64");
});
