import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { CreatedToken } from "@hsafa/protocol";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingServices } from "../services/services.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { launchChromium } from "../services/launch-chromium.ts";

/** A page that tries all that a page can, and keeps what came of it. */
const HOSTILE = `<!doctype html><script>
  globalThis.attempt = async (what) => { try { return await what(); } catch (error) { return "blocked: " + error.name; } };
  globalThis.opened = (url, protocols) => new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    socket.onopen = () => resolve("opened");
    socket.onerror = () => resolve("blocked");
  });
  globalThis.streamed = (url) => new Promise((resolve) => {
    const source = new EventSource(url, { withCredentials: true });
    source.onmessage = () => resolve("read");
    source.onerror = () => { source.close(); resolve("blocked"); };
  });
</script>`;

const TEST_MAX_MS = 120_000;

describe.skipIf(await missingServices("chromium"))("a hostile page in a person's browser", () => {
  let gateway: TestGateway;
  let browser: Browser;
  let evil: Server;
  let page: Page;
  let runId = "";
  const runs = async (): Promise<number> => {
    const { body } = await gateway.call<{ data: unknown[] }>("GET", "/api/runs?limit=200");
    return body.data.length;
  };

  beforeAll(async () => {
    gateway = await startTestGateway();
    evil = createServer((_, response) => response.setHeader("content-type", "text/html").end(HOSTILE));
    await new Promise<void>((resolve) => evil.listen(0, "127.0.0.1", resolve));
    browser = await launchChromium(
      // What a rebinding name server answers.
      "--host-resolver-rules=MAP rebound.example 127.0.0.1",
    );
    await gateway.pushAgent({ name: "echo", model: "demo/echo" });
    ({ runId } = await gateway.startRun({ agent: "echo", input: "private words" }));
    await gateway.waitForEnd(runId);
    const { body } = await gateway.call<CreatedToken>("POST", "/api/tokens", { scopes: ["runs:read", "runs:write"] });
    const context = await browser.newContext();
    const { hostname } = new URL(gateway.url);
    // The person uses the gateway in this browser: its cookie is there.
    await context.addCookies([
      { name: "hsafa_token", value: body.token, domain: hostname, path: "/api", httpOnly: true, sameSite: "Strict" },
    ]);
    page = await context.newPage();
    // Of the same site as the gateway: only the port differs, so that the browser sends the cookie along.
    await page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}/`);
  }, TEST_MAX_MS);
  afterAll(async () => {
    await browser.close();
    evil.close();
    await gateway.close();
  });

  test("the cookie is good where the person reads", { timeout: TEST_MAX_MS }, async () => {
    const own = await page.context().newPage();
    await own.goto(`${gateway.url}/api/runs/${runId}`);
    expect(await own.textContent("body")).toContain("private words");
    await own.close();
  });

  test(
    "CSRF: no form, no simple request and no preflighted one starts, cancels or reads a run",
    async () => {
      const before = await runs();
      const ask = (init: string, path = "/api/runs"): Promise<string> =>
        page.evaluate(`attempt(async () => {
        const response = await fetch(${JSON.stringify(gateway.url + path)}, { credentials: "include", ...(${init}) });
        return response.type === "opaque" ? "opaque" : String(response.status);
      })`);
      const body = JSON.stringify(JSON.stringify({ agent: "echo", input: "forged" }));
      expect(
        await ask(`{ method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body: ${body} }`),
      ).toBe("opaque");
      expect(await ask(`{ method: "POST", headers: { "content-type": "application/json" }, body: ${body} }`)).toMatch(
        /^blocked/,
      );
      expect(await ask("{}", `/api/runs/${runId}`)).toMatch(/^blocked/);
      expect(await ask("{}", "/openapi.json")).toMatch(/^blocked/);
      await page.evaluate(`new Promise((resolve) => {
      const frame = Object.assign(document.createElement("iframe"), { name: "sink", onload: () => resolve() });
      document.body.append(frame);
      const form = Object.assign(document.createElement("form"), { method: "POST", target: "sink", enctype: "text/plain" });
      form.action = ${JSON.stringify(`${gateway.url}/api/runs/${runId}/cancel`)};
      document.body.append(form);
      form.submit();
    })`);
      expect(await runs()).toBe(before);
    },
    TEST_MAX_MS,
  );

  test(
    "WebSocket hijacking: no socket opens, and no stream is read",
    async () => {
      const address = gateway.url.replace("http", "ws");
      expect(await page.evaluate(`opened(${JSON.stringify(`${address}/api/watch`)})`)).toBe("blocked");
      const device = JSON.stringify(`${address}/devices/connect`);
      expect(await page.evaluate(`opened(${device}, "hsafa.device.v1")`)).toBe("blocked");
      const stream = JSON.stringify(`${gateway.url}/api/runs/${runId}/stream`);
      expect(await page.evaluate(`streamed(${stream})`)).toBe("blocked");
    },
    TEST_MAX_MS,
  );

  test(
    "framing: no page of the gateway is shown within another",
    async () => {
      for (const path of ["/", "/docs"]) {
        const shown = page.waitForEvent("console", (message) => message.text().includes("frame-ancestors"));
        await page.evaluate(
          `document.body.append(Object.assign(document.createElement("iframe"), { src: ${JSON.stringify(gateway.url + path)} }))`,
        );
        expect((await shown).text()).toMatch(/frame-ancestors 'none'/);
      }
    },
    TEST_MAX_MS,
  );

  test(
    "DNS rebinding: under a name that is not the gateway's nothing is served",
    async () => {
      const { port } = new URL(gateway.url);
      const rebound = await page.context().newPage();
      for (const path of ["/", "/docs", "/openapi.json", "/metrics", "/api/runs"]) {
        const response = await rebound.goto(`http://rebound.example:${port}${path}`);
        expect({ path, status: response?.status() }).toEqual({ path, status: 403 });
      }
      await rebound.close();
    },
    TEST_MAX_MS,
  );
});
