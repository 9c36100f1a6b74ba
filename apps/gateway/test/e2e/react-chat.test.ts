/** The chat page of examples/chat in a browser, against real gateways. React is in StrictMode. */
import type { AgentConfigInput } from "@hsafa/protocol";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingServices } from "../services/services.ts";
import { type ChatSite, startChatSite } from "../support/chat-site.ts";
import { type KillableFleet, startKillableFleet } from "../support/killable-fleet.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { launchChromium } from "../services/launch-chromium.ts";

/** Several pages begin here, on a machine that may be busy. */
const TEST_MAX_MS = 180_000;
const TABS = 12;
const WORDS = 120;

const speaking = (name: string): AgentConfigInput => ({
  name,
  model: "demo/script",
  settings: {
    providerOptions: { demo: { script: [[{ repeat: WORDS, parts: [{ say: "word{{n}} ", everyMs: 25 }] }]] } },
  },
});
const WHOLE = Array.from({ length: WORDS }, (_, index) => `word${index + 1}`).join(" ");

/** Asks before it pays. Who started the run may say yes, in any tab. */
const payer: AgentConfigInput = {
  name: "payer",
  model: "demo/script",
  tools: [
    { name: "pay", inputSchema: { type: "object" }, server: { type: "function" }, approval: { selfApproval: true } },
  ],
  settings: {
    providerOptions: { demo: { script: [[{ call: "pay", args: { eur: 7 } }], [{ say: "Paid: {{results}}" }]] } },
  },
};

const say = async (page: Page, text: string): Promise<void> => {
  await page.fill("input[name=text]", text);
  await page.click("text=Send");
};
const saidBy = (page: Page, who: "user" | "assistant"): Promise<string[]> =>
  page.evaluate<string[]>(`[...document.querySelectorAll("p.${who}")].map((one) => one.textContent.trim())`);
const until = (page: Page, words: string): Promise<unknown> =>
  page.waitForFunction(`document.body.innerText.includes(${JSON.stringify(words)})`, null, {
    timeout: 90_000,
    polling: 50,
  });

describe.skipIf(await missingServices("chromium", "postgres", "redis"))("the chat example in a browser", () => {
  let browser: Browser;
  let site: ChatSite;
  beforeAll(async () => {
    site = await startChatSite();
    browser = await launchChromium();
  }, TEST_MAX_MS);
  afterAll(async () => {
    await browser.close();
    await site.close();
  });

  async function open(context: BrowserContext, user: string, agent: string): Promise<Page> {
    const page = await context.newPage();
    await page.goto(site.pageOf(user, agent));
    await page.waitForSelector("input[name=text]");
    return page;
  }

  describe("with one gateway", () => {
    let gateway: TestGateway;
    let paid = 0;
    beforeAll(async () => {
      gateway = await startTestGateway({
        env: { HSAFA_ALLOWED_ORIGINS: site.origin },
        functions: { pay: () => `receipt ${(paid += 1)}` },
      });
      site.useGateway({ url: gateway.url, key: gateway.apiKey });
      await gateway.pushAgent(speaking("talker"));
      await gateway.pushAgent(payer);
    });
    afterAll(() => gateway.close());

    test(
      "a question is asked in every tab of the user, and a second tab's yes counts once",
      async () => {
        const context = await browser.newContext();
        const first = await open(context, "ann", "payer");
        const second = await open(context, "ann", "payer");
        await say(first, "pay 7");
        await until(second, "May I call pay");
        expect(await saidBy(second, "user")).toEqual(["pay 7"]);
        await second.click("text=Yes");
        for (const page of [first, second]) {
          await until(page, "Paid: receipt 1");
          expect(await saidBy(page, "user")).toEqual(["pay 7"]);
        }
        expect(paid).toBe(1);
        await context.close();
      },
      TEST_MAX_MS,
    );

    test(
      "a page that is reloaded in mid-text shows the whole text, and says nothing twice",
      async () => {
        const context = await browser.newContext();
        const page = await open(context, "bob", "talker");
        await say(page, "talk");
        await until(page, "word20 ");
        await page.reload();
        await until(page, `word${WORDS}`);
        expect(await saidBy(page, "user")).toEqual(["talk"]);
        expect(await saidBy(page, "assistant")).toEqual([WHOLE]);
        await say(page, "again");
        await until(page, "word10 ");
        await page.click("text=Stop");
        await page.waitForSelector("p.assistant.cut");
        expect(await saidBy(page, "user")).toEqual(["talk", "again"]);
        await context.close();
      },
      TEST_MAX_MS,
    );

    test(
      "twelve tabs at once show one conversation, each on one connection",
      async () => {
        const context = await browser.newContext();
        const sockets: string[] = [];
        const streams: string[] = [];
        context.on("page", (page) => {
          page.on("websocket", (socket) => sockets.push(socket.url()));
          page.on("request", (request) => request.url().endsWith("/stream") && streams.push(request.url()));
        });
        const tabs = await Promise.all(Array.from({ length: TABS }, () => open(context, "cleo", "talker")));
        const [first, last] = [tabs[0], tabs.at(-1)];
        if (first === undefined || last === undefined) throw new Error("there are no tabs");
        await say(first, "talk");
        await say(last, "talk too");
        for (const tab of tabs) {
          await tab.waitForFunction(
            `[...document.querySelectorAll("p.assistant.complete")].filter((one) => one.innerText.includes("word${WORDS}")).length === 2`,
            null,
            { timeout: 90_000, polling: 100 },
          );
          expect(await saidBy(tab, "assistant")).toEqual([WHOLE, WHOLE]);
          expect((await saidBy(tab, "user")).toSorted()).toEqual(["talk", "talk too"]);
        }
        expect(sockets).toHaveLength(TABS);
        expect(streams).toEqual([]);
        await context.close();
      },
      TEST_MAX_MS,
    );
  });

  describe("with a fleet", () => {
    let fleet: KillableFleet;
    beforeAll(async () => {
      fleet = await startKillableFleet(site.origin);
    }, TEST_MAX_MS);
    afterAll(() => fleet.close());

    test(
      "a gateway that is killed in mid-text costs no word: another one finishes the answer",
      async () => {
        const { url, key } = fleet;
        site.useGateway({ url, key });
        const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
        const body = JSON.stringify({ name: "talker", config: speaking("talker") });
        expect((await fetch(`${url}/api/agents`, { method: "POST", headers, body })).status).toBe(201);
        const context = await browser.newContext();
        const page = await open(context, "dora", "talker");
        await say(page, "talk");
        await until(page, "word20 ");
        fleet.killFirst();
        await page.waitForSelector("p.assistant.complete", { timeout: 90_000 });
        expect(await saidBy(page, "user")).toEqual(["talk"]);
        expect(await saidBy(page, "assistant")).toEqual([WHOLE]);
        await context.close();
      },
      TEST_MAX_MS,
    );
  });
});
