/** What the console shows of agents, and the playground, against a real gateway. */
import { createDevice } from "@hsafa/client";
import type { AgentVersion, Page, Run } from "@hsafa/protocol";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { launchChromium } from "../../services/launch-chromium.ts";
import { missingServices } from "../../services/services.ts";
import { type ConsolePage, openConsole } from "../../support/console-page.ts";
import { externalTool, scriptedAgent } from "../../support/scripted-agents.ts";
import { startTestGateway, type TestGateway } from "../../support/test-gateway.ts";

/** Pages begin here on a machine that may be busy. */
const TEST_MAX_MS = 180_000;

describe.skipIf(await missingServices("chromium"))("agents in the console", () => {
  let gateway: TestGateway;
  let browser: Browser;
  const open = (path: string, options: Parameters<typeof openConsole>[2] = {}): Promise<ConsolePage> =>
    openConsole(browser, gateway.url + path, { key: gateway.apiKey, ...options });
  const versionsOf = async (agent: string): Promise<readonly AgentVersion[]> =>
    (await gateway.call<Page<AgentVersion>>("GET", `/api/agents/${agent}/versions`)).body.data;
  const runsOf = async (agent: string): Promise<readonly Run[]> =>
    (await gateway.call<Page<Run>>("GET", `/api/runs?agent=${agent}`)).body.data;

  beforeAll(async () => {
    gateway = await startTestGateway();
    browser = await launchChromium();
    await gateway.pushAgent(scriptedAgent("greeter", [[{ say: "Good day." }]], { system: "Be polite.\nBe short." }));
    await gateway.pushAgent(scriptedAgent("greeter", [[{ say: "Hello!" }]], { system: "Be kind.\nBe short." }));
    await gateway.pushAgent(
      scriptedAgent("speaker", [[{ repeat: 2000, parts: [{ say: "word{{n}} ", everyMs: 20 }] }]]),
    );
    await gateway.pushAgent(
      scriptedAgent("payer", [[{ call: "pay", args: { eur: 4 } }], [{ say: "It says: {{result}}" }]], {
        tools: externalTool("pay", { approval: { selfApproval: true } }),
      }),
    );
    await gateway.pushAgent(
      scriptedAgent("looker", [[{ call: "look", args: {} }], [{ say: "I see: {{result}}" }]], {
        tools: [{ name: "look", inputSchema: { type: "object" }, device: { select: "origin" } }],
      }),
    );
  }, TEST_MAX_MS);
  afterAll(async () => {
    await browser.close();
    await gateway.close();
  });

  test(
    "a keyboard alone leads to what differs between two versions, and promotes the older one",
    async () => {
      const { page, shows, complaints } = await open("/runs");
      await shows("There are no runs yet");
      await page.keyboard.press("g");
      await page.keyboard.press("t");
      await shows("greeter");
      const agents = await page.locator("ul[aria-label=Agents] a b").allTextContents();
      for (let press = 0; press <= agents.indexOf("greeter"); press += 1) await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      await shows("current: new runs take it");
      await page.keyboard.press("c");
      await shows("What version 2 says otherwise than version 1");
      expect(await page.locator("[aria-label='From version 1 to version 2'] mark").allTextContents()).toEqual([
        "Good day.",
        "Hello!",
        "polite",
        "kind",
      ]);
      await page.reload();
      await shows("What version 2 says otherwise than version 1");
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      await shows("Promote…");
      await page.keyboard.press("p");
      await shows("New runs take it from now on, in place of version 2.");
      await page.keyboard.press("Enter");
      await shows("current: new runs take it");
      const { runId } = await gateway.startRun({ agent: "greeter", input: "hi" });
      expect((await gateway.waitForEnd(runId)).output).toBe("Good day.");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "any version speaks in the playground on one thread, with its events beside it",
    async () => {
      const versions = await versionsOf("greeter");
      const newest = versions.find(({ version }) => version === "2");
      const { page, shows, becomes, complaints } = await open(`/agents/greeter/play?version=${newest?.id}`);
      await shows("Say something to greeter");
      await page.keyboard.type("hi there");
      await page.keyboard.press("Enter");
      await shows("Hello!");
      await shows("run.completed");
      await page.keyboard.type("and again");
      await page.keyboard.press("Enter");
      await shows("and again");
      await becomes("document.querySelector('[aria-label=Transcript]').innerText.split('Hello!').length === 3");
      const [second, first] = (await runsOf("greeter")).filter(({ versionId }) => versionId === newest?.id);
      expect(second?.threadId).not.toBeNull();
      expect(second?.threadId).toBe(first?.threadId);
      await page.reload();
      await shows("hi there");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "a run of the playground is stopped by a key, and what waits for a person is decided there",
    async () => {
      const { page, shows, complaints } = await open("/agents/speaker/play");
      await shows("Say something to speaker");
      await page.keyboard.type("talk");
      await page.keyboard.press("Enter");
      await shows("word7 ");
      await page.keyboard.press("Escape");
      await page.keyboard.press("x");
      await shows("stopped in the playground");
      expect((await runsOf("speaker"))[0]?.status).toBe("canceled");
      await page.goto(`${gateway.url}/agents/payer/play`);
      await shows("Say something to payer");
      await page.keyboard.type("pay");
      await page.keyboard.press("Enter");
      await shows("payer wants to call pay");
      await page.keyboard.press("Escape");
      await page.keyboard.press("a");
      await shows("This cannot be taken back.");
      await page.keyboard.press("Enter");
      await page.fill("textarea[id^=answer]", "paid");
      await page.click("text='Answer'");
      await shows("It says: paid");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "a tool that goes to the device of the start goes to the one that was picked",
    async () => {
      for (const key of ["left", "right"]) {
        const device = createDevice({
          url: gateway.url,
          token: gateway.apiKey,
          deviceKey: key,
          tools: { look: { inputSchema: { type: "object" }, execute: () => `the ${key} side` } },
        });
        onTestFinished(() => device.close());
        await device.whenOnline();
      }
      const { page, shows, complaints } = await open("/agents/looker/play");
      await shows("right");
      await page.getByLabel("from device").selectOption("right");
      await page.fill("textarea", "look");
      await page.keyboard.press("Enter");
      await shows("I see: the right side");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "who may not push agents is told why no config is shown, and promotes nothing",
    async () => {
      const token = await gateway.call<{ token: string }>("POST", "/api/tokens", { scopes: ["runs:read"] });
      const { shows, page, complaints } = await open("/agents/greeter", { key: token.body.token });
      await shows("the scope agents:write");
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      expect(await page.getByText("Promote…").count()).toBe(0);
      await page.goto(`${gateway.url}/agents/greeter/play`);
      await shows("it needs the scope runs:start");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );
});
