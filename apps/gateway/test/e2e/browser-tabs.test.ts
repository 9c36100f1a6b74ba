import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { DeviceDetail } from "@hsafa/protocol";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingServices } from "../services/services.ts";
import { callingAgent } from "../support/device-agent.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { launchChromium } from "../services/launch-chromium.ts";

const root = join(import.meta.dirname, "../../../..");

/** Several pages begin here one after the other, each with the SDK's fifty modules, in milliseconds. */
const TEST_MAX_MS = 180_000;

/** A page of the gateway's own origin, which loads the SDK from its sources. */
const PAGE = `<!doctype html>
<script type="importmap">{"imports":{"@hsafa/protocol":"/sources/packages/protocol/src/index.ts"}}</script>
<script type="module">
  import { createDevice } from "/sources/packages/client/src/index.ts";
  // As pages do it: a key in sessionStorage, which a duplicated tab has a copy of.
  sessionStorage.deviceKey ??= "tab-" + crypto.randomUUID();
  globalThis.begin = (token) => {
    globalThis.answers = [];
    globalThis.device = createDevice({
      url: location.origin,
      token,
      deviceKey: sessionStorage.deviceKey,
      storage: sessionStorage,
      platform: "browser",
      tools: { read: { inputSchema: {}, execute: () => new Promise((resolve) => answers.push(resolve)) } },
    });
    device.stopped.then((reason) => { globalThis.stopReason = reason; });
    return device.whenOnline();
  };
  globalThis.isReady = true;
</script>`;

describe.skipIf(await missingServices("chromium"))("browser tabs as devices", () => {
  let gateway: TestGateway;
  let browser: Browser;
  beforeAll(async () => {
    gateway = await startTestGateway();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    await gateway.close();
  });

  async function openContext(): Promise<BrowserContext> {
    const context = await browser.newContext();
    await context.route("**/tab.html", (route) => route.fulfill({ contentType: "text/html", body: PAGE }));
    await context.route("**/sources/**", (route) => {
      const path = new URL(route.request().url()).pathname.replace("/sources/", "");
      const body = stripTypeScriptTypes(readFileSync(join(root, path), "utf8"));
      return route.fulfill({ contentType: "text/javascript", body });
    });
    return context;
  }

  async function begin(page: Page): Promise<{ readonly key: string; readonly bootId: string }> {
    await page.waitForFunction("globalThis.isReady");
    const { deviceId } = await page.evaluate<{ deviceId: string }>(`begin(${JSON.stringify(gateway.apiKey)})`);
    const { body } = await gateway.call<DeviceDetail>("GET", `/api/devices/${deviceId}`);
    expect(await page.evaluate("device.deviceKey")).toBe(body.key);
    return { key: body.key, bootId: body.sessions[0]?.bootId ?? "" };
  }

  const duplicate = async (page: Page): Promise<Page> => {
    const opened = page.context().waitForEvent("page");
    // A page that another one opens begins with a copy of its sessionStorage, as a duplicated tab does.
    await page.evaluate("void window.open(location.href)");
    return opened;
  };

  test(
    "a duplicated tab becomes a device of its own; the first stays one, and its finished call is not lost",
    async () => {
      const context = await openContext();
      const first = await context.newPage();
      await first.goto(`${gateway.url}/tab.html`);
      const original = await begin(first);
      await gateway.pushAgent(callingAgent("tabs", [{ tool: "read" }], [{ device: { key: original.key } }]));
      const { runId } = await gateway.startRun({ agent: "tabs", input: "read" });
      await first.waitForFunction("answers.length === 1");

      const copy = await duplicate(first);
      expect(await copy.evaluate("sessionStorage.deviceKey")).toBe(original.key);
      const own = await begin(copy);
      expect(own.key).not.toBe(original.key);
      expect(own.bootId).not.toBe(original.bootId);
      expect(await first.evaluate("[device.state.kind, globalThis.stopReason ?? null]")).toEqual(["online", null]);

      await first.evaluate("answers[0]('by the first')");
      expect((await gateway.waitForEnd(runId)).output).toBe("Answers: by the first");
      expect(await copy.evaluate("answers.length")).toBe(0);

      await copy.reload();
      expect(await begin(copy)).toEqual(own);
      await first.reload();
      expect(await begin(first)).toEqual(original);
      const third = await duplicate(copy);
      const { key } = await begin(third);
      expect([original.key, own.key]).not.toContain(key);
      await context.close();
    },
    TEST_MAX_MS,
  );

  test(
    "without Web Locks, as on a page without TLS, the tabs ask each other",
    async () => {
      const context = await openContext();
      await context.addInitScript("Object.defineProperty(navigator, 'locks', { value: undefined })");
      const first = await context.newPage();
      await first.goto(`${gateway.url}/tab.html`);
      const original = await begin(first);
      const own = await begin(await duplicate(first));
      expect(own.key).not.toBe(original.key);
      expect(own.bootId).not.toBe(original.bootId);
      expect(await first.evaluate("device.state.kind")).toBe("online");
      await context.close();
    },
    TEST_MAX_MS,
  );
});
