import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { type FakeProxy, startFakeProxy } from "../../../test/support/fake-proxy.ts";
import { openOutboundHttp } from "./outbound-http.ts";
import type { ProxySettings } from "./proxy-for.ts";

/** Twice as long as the client waits by itself. */
const LONG_MS = 600_000;

async function serve(listener: RequestListener, tls?: { key: Buffer; cert: Buffer }): Promise<string> {
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `${tls === undefined ? "http" : "https"}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function proxied(
  options: Parameters<typeof startFakeProxy>[0] = {},
  settings: Partial<ProxySettings> = {},
): Promise<{ readonly proxy: FakeProxy; readonly fetch: typeof fetch; readonly guardedFetch: typeof fetch }> {
  const proxy = await startFakeProxy(options);
  const http = openOutboundHttp({ http: proxy.url, https: proxy.url, except: [], ...settings }, { allowed: ["*"] });
  onTestFinished(async () => {
    await http.close();
    proxy.close();
  });
  return { proxy, fetch: http.fetch, guardedFetch: http.guardedFetch };
}

/** A certificate for the host `model.test`, which nobody signed. */
function certificate(): { key: Buffer; cert: Buffer } {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-tls-"));
  const [key, cert] = [join(folder, "key"), join(folder, "cert")];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  execFileSync("openssl", [...request, "-subj", "/CN=model.test", "-keyout", key, "-out", cert], { stdio: "ignore" });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(folder, { recursive: true });
  return pair;
}

test("a request to http:// goes to the proxy whole, and its answer comes back", async () => {
  const url = await serve((request, response) => request.pipe(response));
  const { proxy, fetch } = await proxied();
  const response = await fetch(`${url}/a?b=c`, { method: "POST", body: "hello" });
  expect(await response.text()).toBe("hello");
  expect(proxy.asked).toEqual([`POST ${url}/a?b=c`]);
});

test("a request to https:// goes through a tunnel, by the name of the host", async () => {
  const url = await serve((_, response) => response.end("over TLS"), certificate());
  // No authority that this process trusts has signed the certificate.
  vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
  onTestFinished(() => void vi.unstubAllEnvs());
  const { port } = new URL(url);
  const { proxy, fetch } = await proxied();
  expect(await (await fetch(`https://model.test:${port}/v1`)).text()).toBe("over TLS");
  expect(proxy.asked).toEqual([`CONNECT model.test:${port}`]);
});

test("what NO_PROXY names is reached directly, also by a redirect from elsewhere", async () => {
  const direct = await serve((_, response) => response.end("direct"));
  const { port } = new URL(direct);
  const elsewhere = await serve((_, response) => response.writeHead(302, { location: direct }).end());
  const { proxy, guardedFetch } = await proxied({}, { except: [`127.0.0.1:${port}`] });
  expect(await (await guardedFetch(direct)).text()).toBe("direct");
  expect(proxy.asked).toEqual([]);
  expect(await (await guardedFetch(elsewhere)).text()).toBe("direct");
  expect(proxy.asked).toEqual([`GET ${elsewhere}/`]);
});

test("the credentials of a proxy's address are for the proxy alone", async () => {
  const seen: (string | undefined)[] = [];
  const url = await serve((request, response) => {
    seen.push(request.headers["proxy-authorization"]);
    response.end();
  });
  const proxy = await startFakeProxy();
  const http = openOutboundHttp({ http: proxy.url.replace("//", "//user:p%40ss@"), https: null, except: [] });
  onTestFinished(async () => {
    await http.close();
    proxy.close();
  });
  await (await http.fetch(url)).text();
  expect(proxy.credentials).toEqual([`Basic ${Buffer.from("user:p@ss").toString("base64")}`]);
  expect(seen).toEqual([undefined]);
});

test("a server behind the proxy may take ten minutes to its first byte, and between two", async () => {
  const releases: (() => void)[] = [];
  const url = await serve((_, response) => {
    releases.push(
      () => void response.write("he"),
      () => response.end("re"),
    );
  });
  const { fetch } = await proxied();
  const answer = fetch(url);
  await vi.waitUntil(() => releases.length === 2);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  await vi.advanceTimersByTimeAsync(LONG_MS);
  releases[0]?.();
  const response = await answer;
  await vi.advanceTimersByTimeAsync(LONG_MS);
  releases[1]?.();
  expect(await response.text()).toBe("here");
});

test("a proxy that refuses the tunnel, and one that is not there, fail the request with the reason", async () => {
  const refusing = await proxied({ refuse: 403 });
  const refused = await refusing.fetch("https://model.test:8443/").catch((error: Error) => error.cause);
  expect(String(refused)).toContain("the proxy refused to connect to model.test:8443: it answered 403");
  const gone = await startFakeProxy();
  gone.close();
  const http = openOutboundHttp({ http: gone.url, https: null, except: [] });
  onTestFinished(() => http.close());
  const missing = await http.fetch("http://model.test/").catch((error: Error) => error.cause);
  expect(String(missing)).toContain("ECONNREFUSED");
});

test("a request that is aborted leaves a proxy that says nothing", async () => {
  const { proxy, fetch } = await proxied({ silent: true });
  const abort = new AbortController();
  const outcomes = ["http://model.test/", "https://model.test/"].map((url) =>
    fetch(url, { signal: abort.signal }).catch((error: Error) => error.name),
  );
  await vi.waitUntil(() => proxy.asked.length === 2);
  abort.abort();
  expect(await Promise.all(outcomes)).toEqual(["AbortError", "AbortError"]);
});

test("a close leaves no connection to a proxy, neither one that is silent nor one that is kept", async () => {
  const [silent, kept] = [await startFakeProxy({ silent: true }), await startFakeProxy({ refuse: 403 })];
  onTestFinished(() => {
    silent.close();
    kept.close();
  });
  const over = (proxy: FakeProxy) => openOutboundHttp({ http: proxy.url, https: proxy.url, except: [] });
  const [overSilent, overKept] = [over(silent), over(kept)];
  const target = await serve((_, response) => response.end());
  await (await overKept.fetch(target)).text();
  const broken = ["http://model.test/", "https://model.test/"].map((url) => overSilent.fetch(url).catch(String));
  await vi.waitUntil(() => silent.asked.length === 2);
  expect([silent.connections(), kept.connections()]).toEqual([2, 1]);
  await Promise.all([overSilent.close(), overKept.close()]);
  await Promise.all(broken);
  await vi.waitUntil(() => silent.connections() + kept.connections() === 0, { timeout: 3000 });
});

test("a guarded request over TLS asks for its name, at an address that was checked", async () => {
  const url = await serve((request, response) => response.end(request.headers.host), certificate());
  vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
  onTestFinished(() => void vi.unstubAllEnvs());
  const { port } = new URL(url);
  const allowed = [`127.0.0.1:${port}`];
  const http = openOutboundHttp(undefined, {
    allowed,
    lookupAll: (_host, _options, done) => done(null, [{ address: "127.0.0.1", family: 4 }]),
  });
  onTestFinished(() => http.close());
  expect(await (await http.guardedFetch(`https://model.test:${port}/`)).text()).toBe(`model.test:${port}`);
});
