/** What the console shows to who looks after gateways, in a browser, embedded and over a fleet. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { launchChromium } from "../services/launch-chromium.ts";
import { missingServices } from "../services/services.ts";
import { openConsole } from "../support/console-page.ts";
import { startKillableFleet } from "../support/killable-fleet.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

const TEST_MAX_MS = 180_000;
const broken = {
  name: "broken",
  model: "demo/script",
  settings: { providerOptions: { demo: { script: [[{ fail: { status: 400, message: "unknown parameter" } }]] } } },
};

describe.skipIf(await missingServices("chromium"))("the console of an operator", () => {
  let gateway: TestGateway;
  let browser: Browser;

  beforeAll(async () => {
    gateway = await startTestGateway();
    browser = await launchChromium();
    await gateway.pushAgent(broken);
    const { runId } = await gateway.startRun({ agent: "broken", input: "go" });
    await gateway.waitForEnd(runId);
    await gateway.call("POST", "/api/tenants", { name: "acme" });
  }, TEST_MAX_MS);
  afterAll(async () => {
    await browser.close();
    await gateway.close();
  });

  const open = async (path: string, options: Parameters<typeof openConsole>[2] = {}) => {
    const shown = await openConsole(browser, gateway.url + path, { key: gateway.apiKey, ...options });
    onTestFinished(() => shown.close());
    return shown;
  };

  test(
    "the gateway, what it rests on and what failed last are seen, and lead to the run",
    async () => {
      const { page, shows, becomes, complaints } = await open("/fleet");
      await becomes(`document.querySelector("[aria-label=Gateways] tbody tr")?.innerText.includes("serves") === true`);
      await shows("answered in");
      await shows("none waits");
      await shows("unknown parameter");
      await page.click("[aria-label='Failed runs'] a");
      await shows("The run failed");
      await page.keyboard.press("g");
      await page.keyboard.press("h");
      await page.waitForURL(/\/fleet$/);
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "who did what, which keys there are and which tenants, stands in lists",
    async () => {
      const { page, shows, complaints } = await open("/access");
      await shows("tenant.create: created");
      await shows("agent.push: created");
      await page.click("role=tab[name=Keys]");
      await shows("operator");
      await page.click("role=tab[name=Tenants]");
      await shows("acme");
      expect(page.url()).toContain("tab=tenants");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "another key is told whom to ask, and sees its own runs",
    async () => {
      const { body } = await gateway.call<{ key: string }>("POST", "/api/keys", {
        name: "reader",
        scopes: ["runs:read"],
      });
      const { page, shows } = await open("/fleet", { key: body.key });
      await shows("The gateways are shown to their operator alone");
      await shows("unknown parameter");
      await page.goto(`${gateway.url}/access`);
      await shows("not for this key");
    },
    TEST_MAX_MS,
  );
});

describe.skipIf(await missingServices("chromium", "postgres", "redis"))("the health of a fleet", () => {
  test(
    "a gateway that dies is seen to be silent, and the others serve on",
    async () => {
      const fleet = await startKillableFleet("http://unused.example");
      onTestFinished(() => fleet.close());
      const browser = await launchChromium();
      onTestFinished(() => browser.close());
      const { page, shows, becomes } = await openConsole(browser, `${fleet.url}/fleet`, { key: fleet.key });
      const states = `[...document.querySelectorAll("[aria-label=Gateways] tbody tr td:first-child")].map((one) => one.innerText.trim()).toSorted().join()`;
      await becomes(`${states} === "serves,serves"`);
      await page.evaluate("globalThis.isSamePage = true");
      fleet.killFirst();
      await becomes(`${states} === "serves,silent"`);
      await shows("1, 1 silent");
      expect(await page.evaluate("globalThis.isSamePage")).toBe(true);
    },
    TEST_MAX_MS,
  );
});
