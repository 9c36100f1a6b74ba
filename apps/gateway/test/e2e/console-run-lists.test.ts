/** What people do with many runs in the console: choose, cancel, and keep views of them. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { launchChromium } from "../services/launch-chromium.ts";
import { missingServices } from "../services/services.ts";
import { axeViolations } from "../support/axe-violations.ts";
import { openConsole } from "../support/console-page.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

const TEST_MAX_MS = 120_000;

describe.skipIf(await missingServices("chromium"))("many runs in the console", () => {
  let gateway: TestGateway;
  let browser: Browser;

  beforeAll(async () => {
    gateway = await startTestGateway();
    browser = await launchChromium();
    await gateway.pushAgent({
      name: "asker",
      model: "demo/script",
      settings: { providerOptions: { demo: { script: [[{ call: "ask" }]] } } },
      tools: [{ name: "ask", inputSchema: { type: "object" }, target: "external" }],
    });
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
  const waitingRun = async (): Promise<string> => {
    const { runId } = await gateway.startRun({ agent: "asker", input: "go" });
    await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
    return runId;
  };

  test(
    "runs are chosen and canceled by the keyboard, and those that were not asked are told",
    async () => {
      const [other, first, second] = [await waitingRun(), await waitingRun(), await waitingRun()];
      const { page, shows, becomes } = await open("/runs");
      await shows("asker");
      await page.route(`**/api/runs/${first}/cancel`, (route) =>
        route.fulfill({
          status: 409,
          contentType: "application/problem+json",
          body: JSON.stringify({ code: "run_ended", status: 409, title: "no", detail: "The run had ended before." }),
        }),
      );
      // The newest one stands first.
      for (const key of ["j", "x", "j", "x"]) {
        await page.keyboard.press(key);
        if (key === "j") await becomes("document.activeElement?.matches('li a') === true");
      }
      await shows("2 runs chosen");
      await page.keyboard.press("X");
      await shows("Cancel 2 runs?");
      await page.fill("#reason", "not needed");
      await page.keyboard.press("Enter");
      await shows("1 run asked to end");
      await shows("The run had ended before.");
      await page.click("text='Done'");
      await shows("1 run chosen");
      expect((await gateway.waitForEnd(second)).status).toBe("canceled");
      await page.click("text='none'");
      await becomes("!document.body.innerText.includes('chosen')");
      const states = await Promise.all(
        [other, first].map(async (id) => (await gateway.waitForRun(id, () => true)).status),
      );
      expect(states).toEqual(["waiting_tool", "waiting_tool"]);
    },
    TEST_MAX_MS,
  );

  test(
    "a view is saved under a name, and is there after a reload until it is forgotten",
    async () => {
      await waitingRun();
      const { page, shows, becomes, complaints } = await open("/runs?status=waiting_tool");
      await shows("asker");
      await page.click("text='Views'");
      await page.click("text='Save this view…'");
      await page.fill("#view-name", "who waits");
      await page.keyboard.press("Enter");
      await shows("View: who waits");
      await page.goto(`${gateway.url}/runs`);
      await page.click("text='Views'");
      await page.click("role=menuitem[name='who waits']");
      await page.waitForURL(/status=waiting_tool/);
      await shows("View: who waits");
      await page.click("text='View: who waits'");
      await page.click("text=/Forget/");
      await becomes("!document.body.innerText.includes('who waits')");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "who may only read is offered no choice",
    async () => {
      await waitingRun();
      const token = await gateway.call<{ token: string }>("POST", "/api/tokens", { scopes: ["runs:read"] });
      const { page, shows } = await open("/runs", { key: token.body.token });
      await shows("asker");
      expect(await page.locator("input[type=checkbox]").count()).toBe(0);
    },
    TEST_MAX_MS,
  );

  test.each(["light", "dark"] as const)(
    "axe finds nothing while runs are chosen, in %s",
    async (colorScheme) => {
      await waitingRun();
      for (const width of [390, 1024, 1600]) {
        const { page, shows } = await open("/runs?status=waiting_tool", { width, colorScheme });
        await shows("asker");
        await page.check("input[type=checkbox] >> nth=0");
        await shows("1 run chosen");
        expect({ width, violations: await axeViolations(page) }).toEqual({ width, violations: [] });
      }
    },
    TEST_MAX_MS,
  );
});
