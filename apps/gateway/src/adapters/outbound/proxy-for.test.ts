import { expect, test } from "vitest";
import { proxyFor } from "./proxy-for.ts";

const HTTP = "http://one.proxy:3128";
const HTTPS = "http://two.proxy:3128";

function isDirect(target: string, ...except: string[]): boolean {
  return proxyFor(new URL(target), { http: HTTP, https: HTTPS, except }) === null;
}

test("the scheme of the target chooses the proxy, and one that is not named is not used", () => {
  const both = { http: HTTP, https: HTTPS, except: [] };
  expect(proxyFor(new URL("http://example.com/"), both)).toBe(HTTP);
  expect(proxyFor(new URL("https://example.com/"), both)).toBe(HTTPS);
  expect(proxyFor(new URL("https://example.com/"), { ...both, https: null })).toBeNull();
  expect(proxyFor(new URL("http://127.0.0.1:11434/"), both)).toBe(HTTP);
});

test.each([
  ["*", "http://anything.example/"],
  ["example.com", "https://example.com/"],
  ["example.com", "https://api.example.com/"],
  [".example.com", "https://api.example.com/"],
  [".example.com", "https://example.com/"],
  ["*.example.com", "https://a.b.example.com/"],
  ["EXAMPLE.com", "https://Example.COM./"],
  ["example.com:8080", "http://example.com:8080/"],
  ["example.com:443", "https://example.com/"],
  ["*:8080", "http://anything.example:8080/"],
  ["10.0.0.7", "http://10.0.0.7/"],
  ["10.0.0.0/8", "http://10.200.3.4/"],
  ["::1", "http://[::1]/"],
  ["[::1]", "http://[::1]/"],
  ["[::1]:8080", "http://[::1]:8080/"],
  ["fd00::/8", "http://[fd12::1]/"],
])("the exception %s includes %s", (entry, target) => {
  expect(isDirect(target, "other.example", entry)).toBe(true);
});

test.each([
  ["example.com", "https://notexample.com/"],
  ["example.com", "https://example.com.evil.test/"],
  ["example.com:8080", "http://example.com/"],
  ["10.0.0.7", "http://10.0.0.70/"],
  ["10.0.0.0/8", "http://11.0.0.1/"],
  ["10.0.0.0/99", "http://10.0.0.1/"],
  ["0.0.1", "http://10.0.0.1/"],
  ["::/0", "http://10.0.0.1/"],
  [".", "http://example.com/"],
])("the exception %s does not include %s", (entry, target) => {
  expect(isDirect(target, entry)).toBe(false);
});
