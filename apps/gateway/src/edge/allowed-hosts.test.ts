import { expect, test } from "vitest";
import { allowedHosts } from "./allowed-hosts.ts";

const onLoopback = allowedHosts({ isLoopback: true, listed: [] });

test.each(["localhost:3001", "LOCALHOST", "127.0.0.1:3001", "127.1.2.3", "[::1]:3001", "localhost.", undefined])(
  "on loopback %s names the gateway",
  (host) => {
    expect(onLoopback(host)).toBe(true);
  },
);

const NAMES_OF_OTHERS = [
  "evil.example",
  "evil.example:3001",
  "127.0.0.1.nip.io",
  "localhost.evil.example",
  "10.0.0.1",
  "0.0.0.0",
  "",
  "a b",
  "localhost@evil.example",
  "localhost/x",
  "[::ffff:10.0.0.1]",
];

test.each(NAMES_OF_OTHERS)("on loopback '%s' does not", (host) => {
  expect(onLoopback(host)).toBe(false);
});

test("an operator's names are taken, on loopback beside its own names, elsewhere alone", () => {
  const listed = ["App.example"];
  const behindProxy = allowedHosts({ isLoopback: true, listed });
  expect(["app.example:443", "localhost", "b.example"].map(behindProxy)).toEqual([true, true, false]);
  const open = allowedHosts({ isLoopback: false, listed });
  expect(["app.example", "localhost", "b.example"].map(open)).toEqual([true, false, false]);
  expect(allowedHosts({ isLoopback: false, listed: [] })("anything.example")).toBe(true);
});
