import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { missingServices } from "../../services/services.ts";
import { type ApiGateway, startApiGateway } from "../../support/api-gateway.ts";
import { startTestGateway } from "../../support/test-gateway.ts";
import { launchChromium } from "../../services/launch-chromium.ts";

let gateway: ApiGateway;

beforeAll(async () => {
  gateway = await startApiGateway();
});

afterAll(() => gateway.close());

/** What `fetch` does not let a test choose. */
function statusUnder(url: string, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on("error", reject).end();
  });
}

function upgradeUnder(url: string, host: string): Promise<number> {
  const socket = new WebSocket(url.replace("http", "ws"), { headers: { host } });
  return new Promise((resolve) => {
    socket.on("open", () => {
      socket.terminate();
      resolve(101);
    });
    socket.on("unexpected-response", (_request, response) => resolve(response.statusCode ?? 0));
    socket.on("error", () => {});
  });
}

test.each(["/", "/docs", "/openapi.json", "/health", "/metrics", "/api/runs", "/nothing"])(
  "%s is framed by nobody, tells no other page where a reader came from, and is what it says",
  async (path) => {
    const { headers } = await gateway.call("GET", path);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/frame-ancestors 'none'$/);
    expect(policy).not.toContain("unsafe");
    const isPage = headers.get("content-type")?.startsWith("text/html") === true;
    expect(policy.startsWith("default-src 'none'; ")).toBe(isPage);
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  },
);

test("a page that gave its own name the address of loopback gets nothing", async () => {
  for (const host of ["evil.example", "evil.example:80", "127.0.0.1.nip.io"]) {
    for (const path of ["/", "/docs", "/metrics", "/openapi.json", "/api/runs"]) {
      expect(await statusUnder(gateway.url + path, host)).toBe(403);
    }
    for (const path of ["/devices/connect", "/api/watch"])
      expect(await upgradeUnder(gateway.url + path, host)).toBe(403);
  }
  expect(await statusUnder(`${gateway.url}/docs`, "localhost:1")).toBe(200);
  expect(await upgradeUnder(`${gateway.url}/api/watch`, "localhost:1")).toBe(101);
  // Load balancers ask by address.
  expect(await statusUnder(`${gateway.url}/health`, "10.1.2.3")).toBe(200);
});

test("an operator's names, key of the metrics, and trust in a proxy count", async () => {
  const metricsKey = "4f1c9b7e02d8a365c1e09f7b3d52a8e6";
  const other = await startTestGateway({
    env: {
      HSAFA_ALLOWED_HOSTS: "hsafa.example",
      HSAFA_METRICS_KEY: metricsKey,
      HSAFA_TRUST_PROXY: "127.0.0.1",
      HSAFA_DEMO_MODELS: "off",
    },
  });
  onTestFinished(() => other.close());
  expect(await statusUnder(`${other.url}/docs`, "hsafa.example:443")).toBe(200);
  expect(await statusUnder(`${other.url}/docs`, "other.example")).toBe(403);

  expect((await other.call("GET", "/metrics", undefined, { credential: null })).status).toBe(401);
  expect((await other.call("GET", "/metrics")).status).toBe(401);
  expect((await other.call("GET", "/metrics", undefined, { credential: metricsKey })).status).toBe(200);

  const { body } = await other.call<{ token: string }>("POST", "/api/tokens", { scopes: ["runs:read"] });
  const cookieOver = async (target: typeof other, proto: string): Promise<string> => {
    const options = { credential: body.token, headers: { "x-forwarded-proto": proto } };
    return (await target.call("POST", "/api/tokens/cookie", undefined, options)).headers.get("set-cookie") ?? "";
  };
  expect(await cookieOver(other, "https")).toMatch(/; Secure$/);
  expect(await cookieOver(other, "http")).toMatch(/; SameSite=Strict$/);
  // Here nobody is trusted to say so.
  expect(await cookieOver(gateway, "https")).toMatch(/; SameSite=Strict$/);

  await other.pushAgent({ name: "echo", model: "demo/echo" });
  const { runId } = await other.startRun({ agent: "echo", input: "hello" });
  const run = await other.waitForEnd(runId);
  expect(run).toMatchObject({ status: "failed" });
  expect(run.error?.message).toContain("HSAFA_DEMO_MODELS");
});

test("metrics on a port of their own are there alone, under the same key and names", async () => {
  const metricsKey = "4f1c9b7e02d8a365c1e09f7b3d52a8e6";
  const env = { HSAFA_METRICS_PORT: "0", HSAFA_METRICS_KEY: metricsKey };
  const other = await startTestGateway({ env });
  onTestFinished(() => other.close());
  const { metricsUrl } = other.gateway;
  const ask = async (path: string, credential: string | null): Promise<number> => {
    const headers = credential === null ? {} : { authorization: `Bearer ${credential}` };
    return (await fetch(metricsUrl + path, { headers })).status;
  };
  expect(metricsUrl).not.toBe(other.url);
  expect((await other.call("GET", "/metrics", undefined, { credential: metricsKey })).status).toBe(404);
  expect(await ask("/metrics", metricsKey)).toBe(200);
  expect([await ask("/metrics", null), await ask("/metrics", other.apiKey)]).toEqual([401, 401]);
  expect([await ask("/api/runs", other.apiKey), await ask("/health", metricsKey)]).toEqual([404, 404]);
  expect(await statusUnder(`${metricsUrl}/metrics`, "evil.example")).toBe(403);
  await other.close();
  await expect(ask("/metrics", metricsKey)).rejects.toThrow("fetch failed");
});

describe.skipIf(await missingServices("chromium"))("in a browser", () => {
  test("the pages are shown with their style, and nothing of them is blocked", async () => {
    const browser = await launchChromium();
    onTestFinished(() => browser.close());
    for (const path of ["/", "/docs"]) {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(gateway.url + path);
      // The console draws its first page after the document's load event.
      await page.waitForSelector("h1");
      const family = await page.evaluate("getComputedStyle(document.querySelector('h1')).fontFamily");
      expect(family).toContain("system-ui");
      expect(complaints.filter((text) => !text.includes("favicon"))).toEqual([]);
    }
  });
});
