import type { Device, Page as PageOf } from "@hsafa/protocol";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../services/launch-chromium.ts";
import { missingServices } from "../services/services.ts";
import { bundledPage } from "../support/bundled-page.ts";
import { callingAgent } from "../support/device-agent.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** Under StrictMode, a tool that is another function with each render. */
const PAGE = `
import { HsafaProvider, useDevice } from "@hsafa/client/react";
import { createElement, StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";

function Counter() {
  const [count, setCount] = useState(0);
  const device = useDevice({
    tools: {
      count: {
        inputSchema: {},
        // Another function with each render: the latest is called.
        execute() {
          setCount(count + 1);
          return "counted " + (count + 1);
        },
      },
    },
  });
  return createElement("p", null, [device.state?.kind ?? "none", device.deviceKey ?? "", count].join(" "));
}

const { token = "" } = document.documentElement.dataset;
const root = document.getElementById("root");
if (root !== null) {
  const provider = createElement(HsafaProvider, { url: location.origin, token }, createElement(Counter));
  createRoot(root).render(createElement(StrictMode, null, provider));
}
`;

const TEST_MAX_MS = 120_000;

describe.skipIf(await missingServices("chromium"))("a page that is a device by useDevice", () => {
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

  test(
    "it is one device in StrictMode, calls what was rendered last, and keeps its key over a reload",
    async () => {
      const code = await bundledPage({ code: PAGE });
      const page = await browser.newPage();
      await page.route("**/device.html", (route) =>
        route.fulfill({
          contentType: "text/html",
          body: `<!doctype html><html data-token="${gateway.apiKey}"><div id="root"></div><script type="module" src="/page.js"></script></html>`,
        }),
      );
      await page.route("**/page.js", (route) => route.fulfill({ contentType: "text/javascript", body: code }));
      const online = async (): Promise<string> => {
        await page.waitForFunction("document.body.innerText.startsWith('online')", null, { timeout: 60_000 });
        return (await page.innerText("p")).split(" ")[1] ?? "";
      };
      await page.goto(`${gateway.url}/device.html`);
      const key = await online();
      const calls = [{ tool: "count" }];
      await gateway.pushAgent(callingAgent("counter", calls, [{ name: "count", device: { key } }]));
      for (const count of [1, 2]) {
        const { runId } = await gateway.startRun({ agent: "counter", input: "count" });
        expect((await gateway.waitForEnd(runId)).output).toBe(`Answers: counted ${count}`);
        await page.waitForFunction(`document.body.innerText.endsWith(" ${count}")`, null, { timeout: 20_000 });
      }
      await page.reload();
      expect(await online()).toBe(key);
      const { body } = await gateway.call<PageOf<Device>>("GET", "/api/devices");
      expect(body.data).toHaveLength(1);
    },
    TEST_MAX_MS,
  );
});
