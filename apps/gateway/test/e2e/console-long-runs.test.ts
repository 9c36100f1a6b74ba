/** A run of many events in the console, on Postgres and Redis. How fast it is, `npm run console-speed` says. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { launchChromium } from "../services/launch-chromium.ts";
import { type FreshDatabase, freshDatabase, missingServices, startPrivateRedis } from "../services/services.ts";
import { openConsole } from "../support/console-page.ts";
import { lengthenRun } from "../support/long-run.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

const TEST_MAX_MS = 180_000;
const SHAPE = { steps: 150, callsPerStep: 6, deltasPerStep: 40 };
/** The facts of a step. */
const PER_STEP = 2 + 3 * SHAPE.callsPerStep;

describe.skipIf(await missingServices("chromium", "postgres", "private-redis"))("a long run in the console", () => {
  let database: FreshDatabase;
  let gateway: TestGateway;
  let browser: Browser;
  let runId: string;
  let facts: number;

  beforeAll(async () => {
    database = await freshDatabase();
    // What the first gateway's live log holds of the run is void once its history was written.
    const [before, after] = await Promise.all([startPrivateRedis(), startPrivateRedis()]);
    const services = { databaseUrl: database.url };
    const first = await startTestGateway({ ...services, redisUrl: before.url });
    const script = [[{ say: "Let me ask." }, { call: "ask" }]];
    await first.pushAgent({
      name: "asker",
      model: "demo/script",
      maxSteps: 200,
      settings: { providerOptions: { demo: { script } } },
      tools: [{ name: "ask", inputSchema: { type: "object" }, target: "external" }],
    });
    ({ runId } = await first.startRun({ agent: "asker", input: "go" }));
    await first.waitForRun(runId, ({ status }) => status === "waiting_tool");
    await first.close();
    await before.remove();
    ({ facts } = await lengthenRun(database.url, runId, SHAPE));
    gateway = await startTestGateway({ ...services, redisUrl: after.url });
    browser = await launchChromium();
  }, TEST_MAX_MS);
  afterAll(async () => {
    await browser.close();
    await gateway.close();
    await database.drop();
  });

  const open = async (search: string) => {
    const shown = await openConsole(browser, `${gateway.url}/runs/${runId}${search}`, { key: gateway.apiKey });
    onTestFinished(() => shown.close());
    return shown;
  };

  test(
    "it opens in its middle with what was said there, and the state there is that of all facts before",
    async () => {
      const at = 75 * PER_STEP;
      const { page, shows, becomes, complaints } = await open(`?at=${at}-0`);
      await shows("notes/74-5.md");
      await shows(`as of ${at}-0, the end is ${facts}-0`);
      await becomes(`document.querySelector("[data-whole]") !== null`);
      expect(await page.textContent("main")).not.toContain("not read yet");
      await page.keyboard.press("]");
      await shows(`as of ${at + 1}-0`);
      // From the first message on, whatever was read first.
      await page.evaluate(`document.querySelector("[aria-label=Transcript]").scrollTop = 0`);
      await shows("go");
      await becomes(`document.querySelector("[aria-label=Timeline]").textContent.includes("printer")`);
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "each of its events can be found, and those that were not looked at are counted",
    async () => {
      const { page, shows, complaints } = await open("?tab=events");
      await shows(`${facts}-0`);
      await page.fill("[aria-label='Search the events']", "notes/80-3.md");
      await shows("3 of");
      await page.keyboard.press("Escape");
      await page.click("text='tool'");
      await shows("2 of");
      await page.keyboard.press("k");
      await page.waitForSelector("aside[aria-label=Details]");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "its timeline is zoomed by keys and by the pointer, and back",
    async () => {
      const { page, shows, becomes, complaints } = await open("");
      await shows("Let me ask.");
      await becomes(`document.querySelector("[data-whole]") !== null`);
      await page.keyboard.press("+");
      await page.keyboard.press("+");
      await shows("the whole run");
      await page.keyboard.press("0");
      await becomes(`!document.body.innerText.includes("the whole run")`);
      const box = await page.locator("[aria-label=Timeline] svg").boundingBox();
      if (box === null) throw new Error("there is no timeline");
      await page.mouse.move(box.x + box.width * 0.2, box.y + 20);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.3, box.y + 20, { steps: 4 });
      await page.mouse.up();
      await shows("the whole run");
      // What was drawn over was not clicked on.
      expect(page.url()).not.toContain("show=");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "it goes on while it is read, and its end is followed",
    async () => {
      const { shows, page, complaints } = await open("");
      await shows("Let me ask.");
      const [call] = (await gateway.call<{ data: { id: string }[] }>("GET", "/api/tool-calls?toolName=ask")).body.data;
      await gateway.call("POST", `/api/runs/${runId}/tool-results`, { callId: call?.id, result: "yes" });
      await shows("(The script is over.)");
      await shows("completed");
      await page.keyboard.press("3");
      await shows("901");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );
});
