/** The console in a browser, as it was built, against real gateways. */
import { createDevice } from "@hsafa/client";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchChromium } from "../services/launch-chromium.ts";
import { missingServices } from "../services/services.ts";
import { awaitedSpeaker, beginSpeaking } from "../support/begin-speaking.ts";
import { type ConsolePage, openConsole } from "../support/console-page.ts";
import { externalTool, scriptedAgent } from "../support/scripted-agents.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** What a person waits for before the first page is there, compressed. */
const FIRST_LOAD_BYTES_MAX = 220_000;
/** Pages begin here on a machine that may be busy. */
const TEST_MAX_MS = 180_000;

const speaker = scriptedAgent("speaker", [[{ repeat: 150, parts: [{ say: "word{{n}} ", everyMs: 30 }] }]]);

describe.skipIf(await missingServices("chromium"))("the console in a browser", () => {
  let gateway: TestGateway;
  let browser: Browser;
  const opened: ConsolePage[] = [];
  const open = async (path: string, options: Parameters<typeof openConsole>[2] = {}): Promise<ConsolePage> => {
    const shown = await openConsole(browser, gateway.url + path, { key: gateway.apiKey, ...options });
    opened.push(shown);
    return shown;
  };

  beforeAll(async () => {
    gateway = await startTestGateway();
    browser = await launchChromium();
    await gateway.pushAgent(speaker);
    await gateway.pushAgent(awaitedSpeaker("awaited", 150, 30));
    await gateway.pushAgent(
      scriptedAgent("planner", [[{ think: "I should be short." }, { say: "# A plan\n\n1. Water the *lemon* tree\n" }]]),
    );
    await gateway.pushAgent(
      scriptedAgent(
        "asker",
        [[{ say: "Let me ask." }, { call: "ask", args: { what: "<b>left?</b>" } }], [{ say: "Done." }]],
        {
          tools: externalTool("ask"),
        },
      ),
    );
    await gateway.pushAgent(
      scriptedAgent(
        "payer",
        [[{ say: "May I?" }, { call: "pay", args: { eur: 40 } }], [{ say: "It says: {{result}}" }]],
        {
          tools: externalTool("pay", { approval: { selfApproval: true } }),
        },
      ),
    );
    await gateway.pushAgent(
      scriptedAgent("reader", [[{ call: "read_file", args: { path: "a" } }], [{ say: "Read." }]], {
        tools: [{ name: "read_file", inputSchema: { type: "object" } }],
      }),
    );
    await gateway.pushAgent(scriptedAgent("broken", [[{ fail: { status: 400, message: "unknown parameter" } }]]));
  }, TEST_MAX_MS);
  afterAll(async () => {
    await browser.close();
    await gateway.close();
  });

  test(
    "a key is exchanged for a session that no script reads, and a reload needs no key",
    async () => {
      const { page, context, complaints, shows } = await open("/");
      await shows("There are no runs yet");
      expect(await page.evaluate("document.cookie")).toBe("");
      const [cookie] = await context.cookies(`${gateway.url}/api/session`);
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/api" });
      expect(cookie?.value).not.toContain(gateway.apiKey);
      const kept = await page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage }) + location.href");
      expect(kept).not.toContain(gateway.apiKey);
      await page.reload();
      await shows("There are no runs yet");
      await page.click("text=sign out");
      await shows("Sign in to hsafa");
      expect(await context.cookies(`${gateway.url}/api/session`)).toEqual([]);
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "the first page takes at most 220 kB over the network",
    async () => {
      const { page, shows } = await open("/runs");
      await shows("There are no runs yet");
      const sizes = `[...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
        .filter(({ name }) => !name.includes("/api/")).map(({ encodedBodySize }) => encodedBodySize)`;
      const loaded = await page.evaluate<readonly number[]>(sizes);
      expect(loaded.length).toBeGreaterThan(2);
      expect(Math.min(...loaded)).toBeGreaterThan(0);
      expect(loaded.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(FIRST_LOAD_BYTES_MAX);
    },
    TEST_MAX_MS,
  );

  test(
    "a key that is wrong is refused in the gateway's words, and one that is revoked ends the session",
    async () => {
      const { page, shows } = await open("/runs", { key: "hsafa_wrong" });
      await shows("The API key is unknown or was revoked.");
      const { body } = await gateway.call<{ id: string; key: string }>("POST", "/api/keys", {
        name: "guest",
        scopes: ["runs:read"],
      });
      await page.fill("#credential", body.key);
      await page.keyboard.press("Enter");
      await shows("guest");
      await gateway.call("DELETE", `/api/keys/${body.id}`);
      await shows("Your session has ended.");
    },
    TEST_MAX_MS,
  );

  test(
    "runs that arrive are announced, and do not move what is read",
    async () => {
      const first = await gateway.startRun({ agent: "planner", input: "first" });
      await gateway.waitForEnd(first.runId);
      const { page, shows, becomes, complaints } = await open("/runs?status=completed");
      await shows("planner");
      await page.hover("ul[aria-label=Runs] a");
      const top = (): Promise<string> => page.evaluate("document.querySelector('ul[aria-label=Runs] a').href");
      const before = await top();
      const next = await gateway.startRun({ agent: "planner", input: "second" });
      await gateway.waitForEnd(next.runId);
      await shows("1 new run");
      expect(await top()).toBe(before);
      await page.keyboard.press("n");
      await becomes(`document.querySelector("ul[aria-label=Runs] a").href.includes("${next.runId}")`);
      expect(page.url()).toContain("status=completed");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "what could not be read is told as long as it is, also while it is asked for again",
    async () => {
      const { page, shows } = await open("/agents/nobody");
      await shows("The agent could not be read");
      await page.evaluate(`globalThis.isGone = false;
        new MutationObserver(() => (globalThis.isGone ||= !document.body.innerText.includes("could not be read")))
          .observe(document.body, { childList: true, subtree: true })`);
      for (let round = 0; round < 2; round += 1)
        await page.waitForResponse((response) => response.url().endsWith("/api/agents/nobody"));
      // What the answer has changed is there in the second frame.
      await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
      expect(await page.evaluate("globalThis.isGone")).toBe(false);
    },
    TEST_MAX_MS,
  );

  test(
    "a run is followed word by word, and what its model said is read as markdown and never as HTML",
    async () => {
      const { runId } = await gateway.startRun({ agent: "awaited", input: "<img src=x onerror=alert(1)>" });
      const { page, shows, complaints } = await open(`/runs/${runId}`);
      await shows("live");
      await beginSpeaking({ url: gateway.url, key: gateway.apiKey }, runId);
      await shows("word5 ");
      expect(await page.evaluate("document.body.innerText.includes('word150')")).toBe(false);
      await shows("word150");
      await shows("completed");
      await shows("<img src=x onerror=alert(1)>");
      const plan = await gateway.startRun({ agent: "planner", input: "plan" });
      await gateway.waitForEnd(plan.runId);
      await page.goto(`${gateway.url}/runs/${plan.runId}`);
      await page.waitForSelector("h1:has-text('A plan')");
      await page.waitForSelector("em:has-text('lemon')");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "an address with a position shows the run as it was there, and the keys step through its facts",
    async () => {
      const { runId } = await gateway.startRun({ agent: "asker", input: "go" });
      const run = await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const events = await gateway.events(runId);
      const end = run.position;
      const started = events.find(({ type }) => type === "step.started");
      const { page, shows, complaints } = await open(`/runs/${runId}?at=${started?.id}`);
      await shows(`as of ${started?.id}, the end is ${end}`);
      expect(await page.textContent("[aria-label=Transcript]")).not.toContain("ask");
      await page.keyboard.press("]");
      await shows("Let me ask.");
      await page.keyboard.press("e");
      await shows(`${end} of ${end}`);
      const [call] = await gateway.toolCalls(runId);
      const answer = { callId: call?.id ?? "", result: "left" };
      await gateway.call("POST", `/api/runs/${runId}/tool-results`, answer);
      await shows("Done.");
      await page.keyboard.press("3");
      await page.click("[aria-label='Tool calls'] button");
      await shows("<b>left?</b>");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "every event can be found, and its deltas are there when somebody asks for them",
    async () => {
      const { runId } = await gateway.startRun({ agent: "speaker", input: "talk" });
      await gateway.waitForEnd(runId);
      const { page, shows, complaints } = await open(`/runs/${runId}?tab=events`);
      await shows("run.completed");
      await page.click("text=/show \\d+ deltas/");
      await shows("text.delta");
      await page.fill("[aria-label='Search the events']", "talk");
      await shows("1 of");
      await page.keyboard.press("Escape");
      await page.keyboard.press("j");
      await page.waitForSelector("aside[aria-label=Details]");
      expect(page.url()).toContain("q=talk");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "a person approves by the keyboard exactly what was shown, and answers the call in the same page",
    async () => {
      const { runId } = await gateway.startRun({ agent: "payer", input: "buy bread" });
      await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const { page, shows, becomes, complaints } = await open("/approvals");
      await shows("payer wants to call pay, and the call goes to a program that answers over HTTP.");
      await shows("buy bread");
      await page.keyboard.press("a");
      await shows("This cannot be taken back.");
      const [asked] = await gateway.toolCalls(runId);
      const sent = page.waitForRequest(
        (request) => request.method() === "POST" && request.url().endsWith("/approvals"),
      );
      await page.keyboard.press("Enter");
      expect((await sent).postDataJSON()).toEqual({
        callId: asked?.id,
        approved: true,
        digest: asked?.approval?.digest,
      });
      await shows("Nobody is asked anything");
      await page.goto(`${gateway.url}/runs/${runId}?call=${asked?.id}`);
      await page.fill("textarea[id^=answer]", '{"receipt": 7}');
      await shows("It is sent as JSON.");
      await page.click("text='Answer'");
      await shows('It says: {"receipt":7}');
      await becomes("document.querySelector('textarea') === null");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "a message is sent to a run, and a cancel ends it after it was confirmed",
    async () => {
      const { runId } = await gateway.startRun({ agent: "asker", input: "go" });
      await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const { page, shows, complaints } = await open(`/runs/${runId}`);
      await shows("Let me ask.");
      await page.keyboard.press("m");
      await page.keyboard.type("be quick");
      await page.keyboard.press("Enter");
      await shows("The run takes the message before its next step.");
      await page.keyboard.press("Escape");
      await page.keyboard.press("x");
      await shows("Cancel this run of asker?");
      await page.fill("#reason", "changed my mind");
      await page.keyboard.press("Enter");
      await shows("The run was canceled: changed my mind");
      expect((await gateway.waitForEnd(runId)).status).toBe("canceled");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "a device that comes and goes is seen, with its tools and its calls",
    async () => {
      const { shows, page, complaints } = await open("/devices");
      await shows("No device has connected yet");
      const device = createDevice({
        url: gateway.url,
        token: gateway.apiKey,
        deviceKey: "laptop",
        tools: { read_file: { description: "Reads a file", inputSchema: { type: "object" }, execute: () => "text" } },
      });
      await device.whenOnline();
      await shows("1 of 1 device online");
      const { runId } = await gateway.startRun({ agent: "reader", input: "read" });
      await gateway.waitForEnd(runId);
      await page.click("text=laptop");
      await shows("Reads a file");
      await page.click("aside a:has-text('read_file')");
      await page.waitForURL(new RegExp(`/runs/${runId}`));
      await shows("executes on");
      device.close();
      await page.keyboard.press("g");
      await page.keyboard.press("d");
      await shows("0 of 1 device online");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "who may only read is offered nothing that would be refused",
    async () => {
      const { runId } = await gateway.startRun({ agent: "payer", input: "buy bread" });
      await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const token = await gateway.call<{ token: string }>("POST", "/api/tokens", { scopes: ["runs:read"] });
      const { page, shows, complaints } = await open(`/runs/${runId}`, { key: token.body.token });
      await shows("awaits approval");
      await shows("live");
      await page.keyboard.press("3");
      await page.click("[aria-label='Tool calls'] button");
      await shows("payer wants to call pay");
      const offered = await page.evaluate<string[]>(
        "[...document.querySelectorAll('main button')].map((one) => one.innerText)",
      );
      expect(offered.filter((text) => /^(Cancel|Send|Approve|Deny|Answer)/.test(text))).toEqual([]);
      await gateway.call("POST", `/api/runs/${runId}/cancel`, {});
      await shows("ended");
      expect(complaints).toEqual([]);
    },
    TEST_MAX_MS,
  );

  test(
    "a keyboard alone leads to a run and back, and lists the keys",
    async () => {
      const { runId } = await gateway.startRun({ agent: "planner", input: "go" });
      await gateway.waitForEnd(runId);
      const { page, shows } = await open("/runs?agent=planner");
      await shows("planner");
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      await shows("Transcript");
      await page.keyboard.press("?");
      await shows("one fact back");
      await page.keyboard.press("Escape");
      // While it is there, keys are its own.
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await page.keyboard.press("g");
      await page.keyboard.press("r");
      await page.waitForURL(/\/runs$/);
    },
    TEST_MAX_MS,
  );

  test("its files are sent once, compressed, and no part of the API is taken for a page", async () => {
    const page = await fetch(`${gateway.url}/runs/anything`, { headers: { accept: "text/html" } });
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).not.toContain("unsafe");
    expect(page.headers.get("content-security-policy")).toContain("require-trusted-types-for 'script'");
    const [script = ""] = /\/assets\/[\w-]+\.js/.exec(await page.text()) ?? [];
    const asset = await fetch(gateway.url + script, { headers: { "accept-encoding": "br" } });
    expect(Object.fromEntries(asset.headers)).toMatchObject({
      "content-encoding": "br",
      "cache-control": "public, max-age=31536000, immutable",
      "content-type": "text/javascript; charset=utf-8",
    });
    const etag = asset.headers.get("etag") ?? "";
    expect((await fetch(gateway.url + script, { headers: { "if-none-match": etag } })).status).toBe(304);
    for (const path of ["/api/nothing", "/assets/nothing.js", "/assets/..%2findex.html"])
      expect((await fetch(gateway.url + path, { headers: { accept: "text/html" } })).status).toBe(404);
    expect((await fetch(`${gateway.url}/runs`)).status).toBe(404);
  });
});
