/** What the console does with whole runs, and with single calls: fork, compare, save, open, try. */
import { readFile } from "node:fs/promises";
import { createDevice } from "@hsafa/client";
import type { FactEvent, JsonObject, Page, Run, RunEvent, ToolCall } from "@hsafa/protocol";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { launchChromium } from "../../services/launch-chromium.ts";
import { missingServices } from "../../services/services.ts";
import { type ConsolePage, openConsole } from "../../support/console-page.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../../support/gateway-pairs.ts";
import { externalTool, scriptedAgent } from "../../support/scripted-agents.ts";

/** Pages begin here on a machine that may be busy. */
const TEST_MAX_MS = 180_000;
const asker = (last: string, system: string) =>
  scriptedAgent(
    "asker",
    [[{ say: "Let me *ask*." }, { call: "ask", args: { what: "{{user}}" } }], [{ say: `${last}: {{result}}` }]],
    { system, tools: externalTool("ask") },
  );
const schema = {
  type: "object",
  properties: { text: { type: "string", minLength: 2 }, times: { type: "integer" } },
  required: ["text"],
};

describe.skipIf(await missingServices("chromium")).each(GATEWAY_PAIRS)("whole runs %s", (name, openPair, isSkipped) => {
  describe.skipIf(isSkipped)("in the console", () => {
    let pair: GatewayPair;
    let browser: Browser;
    const open = (path: string, options: Parameters<typeof openConsole>[2] = {}): Promise<ConsolePage> =>
      openConsole(browser, pair.a.url + path, { key: pair.a.apiKey, ...options });
    const factsOf = async (runId: string): Promise<readonly FactEvent[]> =>
      (await pair.a.events(runId)).filter((event): event is FactEvent => "prev" in event);

    /** Plays a run of the asker to its end. */
    async function askedRun(input: string, answer: string): Promise<string> {
      const { runId } = await pair.b.startRun({ agent: "asker", input });
      await answered(runId, answer);
      await pair.b.waitForEnd(runId);
      return runId;
    }

    async function answered(runId: string, result: string): Promise<void> {
      await pair.b.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const callId = (await pair.b.toolCalls(runId)).find(({ status }) => status === "dispatched")?.id;
      await pair.b.call("POST", `/api/runs/${runId}/tool-results`, { callId, result });
    }

    const forkOf = async (runId: string): Promise<Run> => {
      const { data } = (await pair.a.call<Page<Run>>("GET", `/api/runs?forkedFrom=${runId}`)).body;
      const [fork] = data;
      if (fork === undefined) throw new Error("the run has no fork");
      return fork;
    };

    beforeAll(async () => {
      pair = await openPair();
      browser = await launchChromium();
      await pair.a.pushAgent(asker("It says", "Be polite.\nBe short."));
      await pair.a.pushAgent(asker("They say", "Be kind.\nBe short."));
    }, TEST_MAX_MS);
    afterAll(async () => {
      await browser.close();
      await pair.close();
    });

    test(
      "a fork at the shown position says what it reuses, and is compared with where it comes from",
      async () => {
        const runId = await askedRun("the time", "noon");
        const completed = (await factsOf(runId)).find(({ type }) => type === "tool.completed");
        const { page, shows, complaints } = await open(`/runs/${runId}?at=${completed?.id}`);
        await shows(`as of ${completed?.id}`);
        await page.keyboard.press("f");
        await shows("reused: noon");
        await page.getByLabel("version").selectOption({ index: 1 });
        await page.click("[role=dialog] >> text='Fork'");
        await page.waitForURL((url) => !url.href.includes(runId));
        await shows("It says: noon");
        const fork = await forkOf(runId);
        expect(fork.versionId).not.toBe((await pair.a.waitForEnd(runId)).versionId);
        expect((await factsOf(fork.id)).filter(({ type }) => type === "tool.requested")).toEqual([]);
        await page.click("text='compare'");
        await shows("forked from the other one");
        await shows("They say: noon");
        const marks = await page.locator("[aria-label=config] mark").allTextContents();
        expect(marks).toEqual(expect.arrayContaining(["kind", "polite", "They say", "It says"]));
        expect(complaints).toEqual([]);
      },
      TEST_MAX_MS,
    );

    test(
      "a message is edited and said again, and a call is executed again because somebody asked for it",
      async () => {
        const runId = await askedRun("the time", "noon");
        const { page, shows, complaints } = await open(`/runs/${runId}?at=2-0`);
        await shows("as of 2-0");
        await page.keyboard.press("f");
        await page.getByLabel("what the user says there").fill("the date");
        await page.keyboard.press("Tab");
        await page.click("[role=dialog] >> text='Fork'");
        await page.waitForURL((url) => !url.href.includes(runId));
        await shows("the date");
        const fork = await forkOf(runId);
        expect((await pair.a.waitForRun(fork.id, ({ status }) => status === "waiting_tool")).status).toBe(
          "waiting_tool",
        );
        const requested = (await factsOf(runId)).find(({ type }) => type === "tool.requested");
        await page.goto(`${pair.a.url}/runs/${runId}?at=${requested?.id}&show=${requested?.id.split("-")[0]}`);
        await page.click("text='Fork from here…'");
        await shows("had no result there: it is not repeated, and the model is told so");
        await page.getByLabel("execute ask again").check();
        await page.click("[role=dialog] >> text='Fork'");
        await page.waitForURL((url) => !url.href.includes(runId));
        const again = await forkOf(runId);
        await answered(again.id, "midnight");
        await shows("midnight");
        // After the last word something must be said.
        await page.goto(`${pair.a.url}/runs/${runId}`);
        await shows("completed");
        await page.keyboard.press("f");
        await shows("the model has nothing to answer without it");
        expect(await page.locator("[role=dialog] button[type=submit]").isDisabled()).toBe(true);
        expect(complaints).toEqual([]);
      },
      TEST_MAX_MS,
    );

    test(
      "two runs are chosen, and stand side by side by their steps with what differs marked",
      async () => {
        const one = await askedRun("the time", "noon");
        const other = await askedRun("the date", "noon");
        const { page, shows, becomes, complaints } = await open(`/runs/${one}`);
        await shows("completed");
        await page.click("text='Compare'");
        await shows("The latest of the same agent");
        await page.keyboard.type(other);
        await page.keyboard.press("Enter");
        await page.waitForURL(new RegExp(`a=${one}.*b=${other}`));
        await shows("what the user said, arguments of ask");
        const marked = (label: string) => page.locator(`[aria-label='${label}'] mark`).allTextContents();
        expect(await marked("what the user said")).toEqual(["time", "date"]);
        expect(await marked("arguments of ask")).toEqual(["time", "date"]);
        await page.keyboard.press("j");
        await becomes("document.activeElement.hasAttribute('data-differs')");
        expect(
          await page.evaluate("document.scrollingElement.scrollTop + document.querySelector('#root').scrollTop"),
        ).toBe(0);
        await page.keyboard.press("o");
        await shows("result of ask, the same in both");
        await page.keyboard.press("s");
        await page.waitForURL(new RegExp(`a=${other}.*b=${one}.*show=all`));
        await becomes("document.querySelector(`[aria-label='what the user said'] mark`)?.innerText === 'date'");
        await page.goto(`${pair.a.url}/compare?a=${one}&b=01890a5d-ac96-774b-bcce-b302099a8057`);
        await shows("could not be read");
        await page.goto(`${pair.a.url}/runs?agent=asker`);
        await page.waitForSelector("ul[aria-label=Runs] a");
        await page.keyboard.press("j");
        await page.keyboard.press("c");
        await shows("is compared with the next run that you choose");
        await page.keyboard.press("j");
        await page.keyboard.press("c");
        await page.waitForURL(new RegExp(`/compare.*a=${other}.*b=${one}`));
        await page.goto(`${pair.a.url}/compare`);
        await page.waitForSelector("input[name=a]:focus");
        await page.keyboard.type("nonsense");
        await page.keyboard.press("Enter");
        await shows("The id of a run is needed");
        expect(complaints.filter((text) => !text.includes("404"))).toEqual([]);
      },
      TEST_MAX_MS,
    );

    test(
      "a run is saved as one file, and a stranger opens it where no gateway answers",
      async () => {
        const runId = await askedRun("the time", "noon");
        const { page, shows, complaints } = await open(`/runs/${runId}`);
        await shows("completed");
        const [download] = await Promise.all([page.waitForEvent("download"), page.click("text='Export'")]);
        expect(download.suggestedFilename()).toBe(`run-asker-${runId.slice(-6)}.json`);
        const text = await readFile(await download.path(), "utf8");
        const saved = JSON.parse(text) as { run: Run; calls: ToolCall[]; events: RunEvent[] };
        expect(saved.events).toEqual(await pair.a.events(runId));
        expect(saved.calls).toEqual(await pair.a.toolCalls(runId));
        expect(complaints).toEqual([]);

        const stranger = await openConsole(browser, `${pair.a.url}/open`);
        await stranger.shows("Open a run from a file");
        await stranger.settles();
        await stranger.context.setOffline(true);
        const give = (content: string) =>
          stranger.page.setInputFiles("input[type=file]", {
            name: "run.json",
            mimeType: "application/json",
            buffer: Buffer.from(content),
          });
        await give(text);
        await stranger.shows("They say: noon");
        await stranger.page.waitForSelector("em:has-text('ask')");
        await stranger.page.keyboard.press("[");
        await stranger.shows("as of");
        await stranger.page.keyboard.press("2");
        await stranger.shows("tool.completed");
        expect(await stranger.page.getByText("Fork").count()).toBe(0);
        expect(stranger.complaints).toEqual([]);
      },
      TEST_MAX_MS,
    );

    test(
      "a file that is no run, or was changed, or is too large, is refused with what is wrong",
      async () => {
        const runId = await askedRun("the time", "noon");
        const file = {
          format: "hsafa.run",
          formatVersion: 1,
          exportedAt: "2026-11-29T12:00:00.000Z",
          run: await pair.a.waitForEnd(runId),
          calls: await pair.a.toolCalls(runId),
          events: await pair.a.events(runId),
          deltasLeftOut: 0,
        };
        const { page, shows, complaints, becomes } = await openConsole(browser, `${pair.a.url}/open`);
        // An empty text stands for a file that is too large.
        const drop = (content: string): Promise<void> =>
          page.evaluate(`{
            const text = ${JSON.stringify(content)};
            const data = new DataTransfer();
            data.items.add(new File([text === "" ? new ArrayBuffer(2 ** 27 + 1) : text], "dropped.json"));
            document.querySelector("main").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
          }`);
        await shows("Open a run from a file");
        const refusals: readonly (readonly [content: unknown, words: string])[] = [
          ["{", "It is not JSON."],
          [{}, 'its "format" is not "hsafa.run"'],
          [{ ...file, formatVersion: 2 }, "It is of form 2, and this console reads form 1."],
          [{ ...file, run: { ...file.run, status: "flying" } }, 'Its "run.status" is no state of a run.'],
          [{ ...file, events: file.events.toSpliced(1, 1) }, "which does not follow 1-0"],
          [{ ...file, calls: [{}] }, 'Its "calls.0" is no tool call.'],
          ["", "128 MiB are read"],
        ];
        for (const [content, words] of refusals) {
          await drop(typeof content === "string" ? content : JSON.stringify(content));
          await shows(words);
        }
        // What fits as a whole, and has something that nobody foresaw, takes the page with it as little.
        const odd = file.events.map((event) => (event.type === "run.completed" ? { ...event, data: {} } : event));
        await drop(JSON.stringify({ ...file, events: odd }));
        await becomes("/cannot be shown|do not fit together|completed/.test(document.body.innerText)");
        await drop(JSON.stringify(file));
        await shows("They say: noon");
        expect(complaints.filter((text) => text.startsWith("blocked"))).toEqual([]);
      },
      TEST_MAX_MS,
    );

    test(
      "one tool is called on one device, with what was written and nothing else, and the round trip is shown",
      async () => {
        const calls: JsonObject[] = [];
        for (const deviceKey of ["first", "second"]) {
          const device = createDevice({
            url: pair.b.url,
            token: pair.b.apiKey,
            deviceKey,
            tools: {
              repeat: {
                inputSchema: schema,
                execute: (args) => {
                  calls.push({ ...(args as JsonObject), deviceKey });
                  return { done: true };
                },
              },
            },
          });
          onTestFinished(() => device.close());
          await device.whenOnline();
        }
        const { page, shows, complaints } = await open("/devices");
        await shows("2 of 2 devices online");
        await page.click("ul[aria-label=Devices] >> text=second");
        await page.click("[aria-label='Try it: repeat']");
        await page.getByLabel("times").fill("many");
        await page.getByLabel("text, required").fill('{{user}} "x"');
        await page.keyboard.press("Enter");
        await shows("times is no number");
        expect(calls).toEqual([]);
        await page.getByLabel("times").fill("2");
        await page.keyboard.press("Enter");
        await shows("there and back");
        await shows("done");
        expect(calls).toEqual([{ text: '{{user}} "x"', times: 2, deviceKey: "second" }]);
        // What the form does not know, the gateway checks before anything goes out.
        await page.getByLabel("text, required").fill("x");
        await page.keyboard.press("Enter");
        await shows("[invalid_args]");
        await page.click("text='As JSON'");
        await page.getByLabel("arguments").fill('{"times": 3}');
        await page.click("text='Call repeat'");
        await shows("It lacks text.");
        expect(calls).toHaveLength(1);
        await page.click("text='its run'");
        await page.waitForURL(/\/runs\//);
        await shows("Call repeat on second.");
        expect(complaints).toEqual([]);
      },
      TEST_MAX_MS,
    );
  });
});
