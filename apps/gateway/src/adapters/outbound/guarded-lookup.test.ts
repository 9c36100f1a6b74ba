import type { LookupAddress } from "node:dns";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { startFakeProxy } from "../../../test/support/fake-proxy.ts";
import { isTargetRefused } from "../../ports/target-refused.ts";
import { guardedLookup, mayBeNamed } from "./guarded-lookup.ts";
import { openOutboundHttp } from "./outbound-http.ts";
import type { ProxySettings } from "./proxy-for.ts";

/** A server on loopback, and the addresses to which requests were made of it. */
async function serve() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.host ?? "");
    response.end("here");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

interface Guarded {
  readonly allowed?: readonly string[];
  readonly proxies?: ProxySettings;
  /** What each look-up answers, in turn; the last answer stays. */
  readonly answers?: readonly (readonly string[])[];
}

function guarded({ allowed = [], proxies, answers = [[]] }: Guarded) {
  const left = [...answers];
  const looked: string[] = [];
  const http = openOutboundHttp(proxies, {
    allowed,
    lookupAll: (host, _options, done) => {
      looked.push(host);
      const addresses = (left.length > 1 ? left.shift() : left[0]) ?? [];
      done(
        null,
        addresses.map((address): LookupAddress => ({ address, family: address.includes(":") ? 6 : 4 })),
      );
    },
  });
  onTestFinished(() => http.close());
  const outcomeOf = (url: string): Promise<string> =>
    http.guardedFetch(url).then(
      (response) => response.text(),
      (error: unknown) => (isTargetRefused(error) ? "refused" : String((error as Error).cause)),
    );
  return { outcomeOf, looked, plainFetch: http.fetch };
}

test.each([
  "127.0.0.1",
  "2130706433",
  "0x7f000001",
  "0177.0.0.1",
  "127.1",
  "0",
  "[::ffff:127.0.0.1]",
  "[::ffff:7f00:1]",
  "127.0.0.1.",
  "[::1]",
])("a server on loopback that is written %s receives nothing", async (host) => {
  const { port, asked } = await serve();
  expect(await guarded({}).outcomeOf(`http://${host}:${port}/`)).toBe("refused");
  expect(asked).toEqual([]);
});

test.each([
  ["a private address", ["127.0.0.1"]],
  ["a mapped private address", ["::ffff:127.0.0.1"]],
  ["link-local with its zone", ["fe80::1%lo"]],
  ["several, none of them public", ["10.0.0.1", "127.0.0.1", "fd00:ec2::254"]],
])("a name that leads to %s is refused, and no port tells whether it is open", async (_, addresses) => {
  const { port, asked } = await serve();
  const { outcomeOf } = guarded({ answers: [addresses] });
  expect(await outcomeOf(`http://tenant.test:${port}/`)).toBe("refused");
  expect(await outcomeOf("http://tenant.test:8009/")).toBe("refused");
  expect(await outcomeOf(`https://tenant.test:${port}/`)).toBe("refused");
  expect(asked).toEqual([]);
});

test.each([true, false])(
  "of public and private addresses of one name only the public ones are dialled (all: %s)",
  (all) => {
    const addresses = ["10.0.0.1", "2606:4700::1111", "::1", "1.1.1.1"].map((address) => ({
      address,
      family: address.includes(":") ? 6 : 4,
    }));
    const dialled: unknown[] = [];
    const lookup = guardedLookup({ host: "tenant.test", port: "80" }, [], (_host, _options, done) =>
      done(null, addresses),
    );
    lookup("tenant.test", { all }, (error, found) => dialled.push(error, found));
    expect(dialled).toEqual([null, all ? [addresses[1], addresses[3]] : "2606:4700::1111"]);
  },
);

test("a name that leads elsewhere once it was checked is checked again: each connection has a look-up of its own", async () => {
  const { port, asked } = await serve();
  const { outcomeOf, looked } = guarded({ allowed: ["127.0.0.1"], answers: [["127.0.0.1"], ["10.0.0.1"]] });
  expect(await outcomeOf(`http://tenant.test:${port}/`)).toBe("here");
  // A second origin of the same name, so that no kept connection serves it.
  expect(await outcomeOf("http://tenant.test:8009/")).toBe("refused");
  expect(looked).toHaveLength(2);
  expect(asked).toHaveLength(1);
});

test.each<[string, readonly string[], string]>([
  ["an address", ["127.0.0.1"], "127.0.0.1"],
  ["an address, for its mapped form", ["127.0.0.1"], "[::ffff:127.0.0.1]"],
  ["a range", ["127.0.0.0/8"], "127.0.0.1"],
  ["a range that the name leads to", ["127.0.0.0/8"], "tools.internal"],
  ["a name", ["tools.internal"], "tools.internal"],
  ["a domain", [".internal"], "tools.internal"],
  ["everything", ["*"], "tools.internal"],
])("the operator allows %s", async (_, allowed, host) => {
  const { port } = await serve();
  expect(await guarded({ allowed, answers: [["127.0.0.1"]] }).outcomeOf(`http://${host}:${port}/`)).toBe("here");
});

test("the operator allows one port of an address, and no other is open by it", async () => {
  const { port, asked } = await serve();
  const other = await serve();
  const { outcomeOf } = guarded({ allowed: [`127.0.0.1:${port}`], answers: [["127.0.0.1"]] });
  expect(await outcomeOf(`http://127.0.0.1:${port}/`)).toBe("here");
  expect(await outcomeOf(`http://tenant.test:${port}/`)).toBe("here");
  expect(await outcomeOf(`http://127.0.0.1:${other.port}/`)).toBe("refused");
  expect(await outcomeOf(`http://tenant.test:${other.port}/`)).toBe("refused");
  expect([asked.length, other.asked.length]).toEqual([2, 0]);
});

test("a connection that was made without a check is not used for a request that needs one", async () => {
  const { port, asked } = await serve();
  const { outcomeOf, plainFetch } = guarded({});
  expect(await (await plainFetch(`http://127.0.0.1:${port}/`)).text()).toBe("here");
  expect(await outcomeOf(`http://127.0.0.1:${port}/`)).toBe("refused");
  expect(asked).toHaveLength(1);
});

test.each([
  "http://127.0.0.1:8009/",
  "http://[::1]:8009/",
  "http://localhost:8009/",
  "https://a.localhost/",
  "https://10.0.0.1/",
])("a proxy is not asked for %s", async (url) => {
  const proxy = await startFakeProxy();
  onTestFinished(() => proxy.close());
  const proxies = { http: proxy.url, https: proxy.url, except: [] };
  expect(await guarded({ proxies }).outcomeOf(url)).toBe("refused");
  expect(proxy.asked).toEqual([]);
});

test("what is reached past the proxy is looked up here and checked", async () => {
  const { port, asked } = await serve();
  const proxies = { http: "http://127.0.0.1:9", https: null, except: ["tenant.test"] };
  expect(await guarded({ proxies, answers: [["127.0.0.1"]] }).outcomeOf(`http://tenant.test:${port}/`)).toBe("refused");
  expect(asked).toEqual([]);
});

test("a name is let by, since only its look-up tells where it leads", () => {
  expect(mayBeNamed({ host: "tenant.test", port: "80" }, [])).toBe(true);
});
