/** A page that shows one run by useRun, in a browser and in StrictMode, against real gateways. */
import type { AgentConfigInput } from "@hsafa/protocol";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../services/launch-chromium.ts";
import { missingServices } from "../services/services.ts";
import { awaitedSpeaker, beginSpeaking } from "../support/begin-speaking.ts";
import { bundledPage } from "../support/bundled-page.ts";
import { type KillableFleet, startKillableFleet } from "../support/killable-fleet.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** Several pages begin here, on a machine that may be busy. */
const TEST_MAX_MS = 180_000;
const SHOWN_MAX_MS = 90_000;
const WORDS = 120;
const WHOLE = Array.from({ length: WORDS }, (_, index) => `word${index + 1}`).join(" ");

const talker = awaitedSpeaker("talker", WORDS, 25);

/** Asks before it pays. Who started the run may say yes. */
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

/** Two components show the run that the address names. An empty name is a run that is not started yet. */
const PAGE = `
import { HsafaProvider, useRun } from "@hsafa/client/react";
import { createElement as h, StrictMode } from "react";
import { createRoot } from "react-dom/client";

function Shown({ id }) {
  const { view, isRunning, isConnected, error, cancel, decide } = useRun(new URLSearchParams(location.search).get("run") || null);
  const parts = view.messages.flatMap((message) => (message.role === "assistant" ? message.parts : []));
  const text = parts.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("");
  const questions = parts.filter((part) => part.type === "tool" && part.state === "awaiting_approval");
  return h("section", { id, "data-running": isRunning, "data-connected": isConnected, "data-status": view.status },
    h("p", null, text),
    h("b", null, error?.message ?? ""),
    h("button", { className: "stop", onClick: () => void cancel("enough") }, "Stop"),
    questions.map((call) => h("button", { key: call.callId, className: "yes", onClick: () => void decide(call, true) }, "Yes")));
}

const { gateway, token = "" } = document.documentElement.dataset;
const provider = h(HsafaProvider, { url: gateway, token }, h(Shown, { id: "one" }), h(Shown, { id: "two" }));
createRoot(document.getElementById("root")).render(h(StrictMode, null, provider));
`;

describe.skipIf(await missingServices("chromium", "postgres", "redis"))("a page that shows a run by useRun", () => {
  const origin = "http://page.test";
  let browser: Browser;
  let code: string;
  beforeAll(async () => {
    [code, browser] = await Promise.all([bundledPage({ code: PAGE }), launchChromium()]);
  }, TEST_MAX_MS);
  afterAll(() => browser.close());

  interface Place {
    readonly url: string;
    readonly key: string;
  }

  /** Opens the page, and remembers each stream that it opens. */
  async function open(
    { url, key }: Place,
    runId: string,
  ): Promise<{ readonly page: Page; readonly sockets: string[] }> {
    const page = await browser.newPage();
    const sockets: string[] = [];
    page.on("websocket", (socket) => sockets.push(socket.url()));
    const html = `<!doctype html><html data-gateway="${url}" data-token="${key}"><div id="root"></div><script type="module" src="/page.js"></script></html>`;
    await page.route(`${origin}/**`, (route) =>
      route.request().url().endsWith("/page.js")
        ? route.fulfill({ contentType: "text/javascript", body: code })
        : route.fulfill({ contentType: "text/html", body: html }),
    );
    await page.goto(`${origin}/?run=${runId}`);
    return { page, sockets };
  }

  const textOf = (page: Page, id = "one"): Promise<string> =>
    page.evaluate(`document.querySelector("#${id} p").textContent.trim()`);
  const until = (page: Page, condition: string): Promise<unknown> =>
    page.waitForFunction(condition, null, { timeout: SHOWN_MAX_MS, polling: 50 });
  const untilSaid = (page: Page, words: string): Promise<unknown> =>
    until(page, `document.querySelector("#one p")?.textContent.includes(${JSON.stringify(words)})`);
  const untilWaits = (page: Page): Promise<unknown> =>
    page.waitForSelector(`#one[data-status="waiting_tool"]`, { timeout: SHOWN_MAX_MS });
  const untilStatus = (page: Page, status: string): Promise<unknown> =>
    page.waitForSelector(`#one[data-status="${status}"][data-running="false"]`, { timeout: SHOWN_MAX_MS });

  describe("with one gateway", () => {
    let gateway: TestGateway;
    let place: Place;
    let paid = 0;
    beforeAll(async () => {
      gateway = await startTestGateway({
        env: { HSAFA_ALLOWED_ORIGINS: origin },
        functions: { pay: () => `receipt ${(paid += 1)}` },
      });
      place = { url: gateway.url, key: gateway.apiKey };
      await gateway.pushAgent(talker);
      await gateway.pushAgent(payer);
    });
    afterAll(() => gateway.close());
    const begin = async (agent: string): Promise<string> => (await gateway.startRun({ agent, input: "go" })).runId;

    test(
      "a reload in mid-text shows the whole text, once, and two components share one stream",
      async () => {
        const runId = await begin("talker");
        const { page, sockets } = await open(place, runId);
        await untilWaits(page);
        await beginSpeaking(place, runId);
        await untilSaid(page, "word20 ");
        await page.reload();
        await untilStatus(page, "completed");
        expect([await textOf(page), await textOf(page, "two")]).toEqual([WHOLE, WHOLE]);
        expect(sockets).toHaveLength(2);
        // The stream of a run that has ended is over: it is shown as it is, and nothing is asked for again.
        await page.reload();
        await untilStatus(page, "completed");
        expect(await textOf(page)).toBe(WHOLE);
        await page.close();
      },
      TEST_MAX_MS,
    );

    test(
      "stop cancels the run, and what was said so far stays",
      async () => {
        const runId = await begin("talker");
        const { page } = await open(place, runId);
        await untilWaits(page);
        await beginSpeaking(place, runId);
        await untilSaid(page, "word10 ");
        await page.click("#one .stop");
        await untilStatus(page, "canceled");
        expect((await gateway.waitForEnd(runId)).status).toBe("canceled");
        const said = await textOf(page);
        expect(WHOLE.startsWith(said)).toBe(true);
        expect(said.length).toBeGreaterThan("word1 word2".length);
        await page.close();
      },
      TEST_MAX_MS,
    );

    test(
      "a call is approved in the one component, and its result is shown in both",
      async () => {
        const { page } = await open(place, await begin("payer"));
        await page.click("#two .yes", { timeout: SHOWN_MAX_MS });
        await untilStatus(page, "completed");
        expect([await textOf(page), await textOf(page, "two")]).toEqual(Array(2).fill("Paid: receipt 1"));
        expect(paid).toBe(1);
        await page.close();
      },
      TEST_MAX_MS,
    );

    test(
      "no run shows nothing, and one that nobody may see is told as an error",
      async () => {
        const none = await open(place, "");
        await none.page.waitForSelector(`#one[data-running="false"]`);
        expect(await textOf(none.page)).toBe("");
        expect(none.sockets).toEqual([]);
        await none.page.close();
        const { page } = await open(place, "01980000-0000-7000-8000-000000000000");
        await until(page, `document.querySelector("#one b")?.textContent !== ""`);
        await page.waitForSelector(`#one[data-running="false"]`);
        await page.close();
      },
      TEST_MAX_MS,
    );
  });

  describe("with a fleet", () => {
    let fleet: KillableFleet;
    beforeAll(async () => {
      fleet = await startKillableFleet(origin);
    }, TEST_MAX_MS);
    afterAll(() => fleet.close());

    test(
      "a gateway that is killed in mid-text costs no word, and the page says that it is cut off",
      async () => {
        const { url, key } = fleet;
        const post = async (path: string, body: object): Promise<Record<string, string>> => {
          const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
          const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
          expect(response.status).toBeLessThan(300);
          return (await response.json()) as Record<string, string>;
        };
        await post("/api/agents", { name: "talker", config: talker });
        const { runId = "" } = await post("/api/runs", { agent: "talker", input: "go" });
        const { page } = await open({ url, key }, runId);
        await untilWaits(page);
        await beginSpeaking(fleet, runId);
        await untilSaid(page, "word20 ");
        await page.evaluate(`window.cuts = 0;
        new MutationObserver(() => document.querySelector("#one").dataset.connected === "false" && (window.cuts += 1))
          .observe(document.querySelector("#one"), { attributes: true })`);
        fleet.killFirst();
        await untilStatus(page, "completed");
        expect([await textOf(page), await textOf(page, "two")]).toEqual([WHOLE, WHOLE]);
        expect(await page.evaluate<number>("window.cuts")).toBeGreaterThan(0);
        expect(await page.getAttribute("#one", "data-connected")).toBe("true");
        await page.close();
      },
      TEST_MAX_MS,
    );
  });
});
