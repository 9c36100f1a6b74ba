/**
 * What a page shows after its first example is a part of a program. Here it stands in one, and that is played. A page
 * whose parts are pages of a browser is played in Chromium.
 */
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Device, Page as PageOf } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { launchChromium } from "../services/launch-chromium.ts";
import { missingServices } from "../services/services.ts";
import { bundledPage } from "../support/bundled-page.ts";
import { callingAgent } from "../support/device-agent.ts";
import { blocksOf } from "../support/document-page.ts";
import { playProgram } from "../support/played-program.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { until } from "../support/until.ts";

const root = join(import.meta.dirname, "../../../..");
const project = mkdtempSync(join(tmpdir(), "hsafa-parts-"));
/** A program begins in a moment, unless the machine is busy. */
const STARTED_MAX_MS = 45_000;
const TEST_MAX_MS = 120_000;

let gateway: TestGateway;
beforeAll(async () => {
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
  gateway = await startTestGateway();
});
afterAll(async () => {
  await gateway.close();
  rmSync(project, { recursive: true });
});

/** The blocks of TypeScript of a page that come after `first`. */
function partsOf(page: string): readonly string[] {
  return blocksOf(`docs/${page}`)
    .filter(({ language }) => /^tsx?$/.test(language))
    .map(({ code }) => code);
}

/** Runs a program to its end, and returns what it printed. */
async function done(name: string, ...parts: readonly (string | undefined)[]): Promise<string> {
  const env = { HSAFA_URL: gateway.url, HSAFA_API_KEY: gateway.apiKey };
  const { child, said } = playProgram(join(project, `${name}.ts`), parts.join("\n"), env);
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toMatchObject({ code: 0 });
  return said();
}

const CLIENT = `
import { createClient } from "@hsafa/client";
const url = process.env.HSAFA_URL;
const key = process.env.HSAFA_API_KEY;
`;

test("docs/chat-page.md: the backend makes a token, and the page asks the agent and shows the answer", async () => {
  await gateway.pushAgent({ name: "support", model: "demo/echo" });
  const inFront = `${CLIENT}
    import { followRun } from "@hsafa/client/view";
    const [hsafa, user, gatewayUrl, text] = [createClient({ url, token: key }), { id: "ann" }, url, "Is it late?"];
    const getToken = async () => token;
    const show = (messages, status) => console.log(status, JSON.stringify(messages));`;
  const [backend, page] = partsOf("chat-page.md");
  const shown = (await done("chat-page", inFront, backend, page)).trim().split("\n");
  expect(shown.at(-1)).toMatch(/^completed .*Is it late\?/);
});

test("docs/threads.md: the list of threads is read, page by page", async () => {
  await gateway.pushAgent({ name: "lister", model: "demo/echo" });
  const { runId } = await gateway.startRun({ agent: "lister", input: "hi", threadId: "attic" });
  await gateway.waitForEnd(runId);
  const [, list] = partsOf("threads.md");
  expect(await done("threads", CLIENT, "const client = createClient({ url, token: key });", list)).toMatch(/Z attic$/m);
});

test("docs/embedding.md: a gateway listens by itself, and says where and with which key", async () => {
  const [, part] = partsOf("embedding.md");
  const env = { PORT: "0", HSAFA_DATA_DIR: join(project, "embedded") };
  const code = `const functions = { stock: () => 7 };\n${part}`;
  const { child, said } = playProgram(join(project, "embedding.ts"), code, env);
  await until("it listens", () => /^http:\S+ \S+$/m.test(said()), STARTED_MAX_MS);
  const [, url = "", key = ""] = /^(http:\S+) (\S+)$/m.exec(said()) ?? [];
  const answer = await fetch(`${url}/api/runs`, { headers: { authorization: `Bearer ${key}` } });
  expect(answer.status).toBe(200);
  child.kill("SIGTERM");
});

test("docs/devices.md: a phone's device keeps its key and its memory over a restart of the app", async () => {
  const [, schema, , phone = ""] = partsOf("devices.md");
  // The storage of a phone: a file for each key.
  const storage = join(project, "app/node_modules/@react-native-async-storage/async-storage");
  mkdirSync(storage, { recursive: true });
  writeFileSync(join(storage, "package.json"), `{ "type": "module", "exports": "./index.js" }`);
  writeFileSync(
    join(storage, "index.js"),
    `import { existsSync, readFileSync, writeFileSync } from "node:fs";
    const file = (key) => "stored-" + encodeURIComponent(key);
    export default {
      getItem: async (key) => (existsSync(file(key)) ? readFileSync(file(key), "utf8") : null),
      setItem: async (key, value) => writeFileSync(file(key), value),
      removeItem: async () => {},
    };`,
  );
  const code = `${CLIENT}
    import { createDevice } from "@hsafa/client";
    import { defineTool } from "@hsafa/client/tool";
    import { z } from "zod";
    const getToken = async () => key;
    ${schema}
    const tools = { add };
    ${phone}
    await device.whenOnline();
    console.log("online as", deviceKey);`;
  const keys: string[] = [];
  for (const sum of [3, 5]) {
    const env = { HSAFA_URL: gateway.url, HSAFA_API_KEY: gateway.apiKey };
    const { child, said } = playProgram(join(project, "app/phone.ts"), code, env);
    await until("the phone is online", () => said().includes("online as"), STARTED_MAX_MS);
    const key = /online as (\S+)/.exec(said())?.[1] ?? "";
    keys.push(key);
    const calls = [{ tool: "add", args: { a: 1, b: sum - 1 } }];
    await gateway.pushAgent(callingAgent("phone", calls, [{ name: "add", device: { key } }]));
    const { runId } = await gateway.startRun({ agent: "phone", input: "add" });
    expect((await gateway.waitForEnd(runId)).output).toBe(`Answers: ${sum}`);
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  expect(keys[1]).toBe(keys[0]);
});

describe.skipIf(await missingServices("chromium"))("in a browser", () => {
  /** Opens a page whose program is `code`, at the gateway's own origin. */
  async function open(code: string) {
    const bundled = await bundledPage({ code });
    const browser = await launchChromium();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.route("**/page.html", (route) =>
      route.fulfill({
        contentType: "text/html",
        body: `<!doctype html><html data-token="${gateway.apiKey}"><div id="root"></div><p>chosen words</p><script type="module" src="/page.js"></script></html>`,
      }),
    );
    await page.route("**/page.js", (route) => route.fulfill({ contentType: "text/javascript", body: bundled }));
    await page.goto(`${gateway.url}/page.html`);
    return page;
  }

  test("docs/devices.md: a tab is a device", { timeout: TEST_MAX_MS }, async () => {
    const [, , tab] = partsOf("devices.md");
    const page = await open(`
      import { createDevice, tabDeviceKey } from "@hsafa/client";
      const url = location.origin;
      const getToken = async () => document.documentElement.dataset.token;
      const tools = { title: { inputSchema: {}, execute: () => "the page at " + location.pathname } };
      ${tab}
      await device.whenOnline();
      document.body.dataset.key = device.deviceKey;`);
    await page.waitForSelector("[data-key]", { timeout: STARTED_MAX_MS });
    const key = await page.evaluate<string>("document.body.dataset.key");
    await gateway.pushAgent(callingAgent("titles", [{ tool: "title" }], [{ name: "title", device: { key } }]));
    const { runId } = await gateway.startRun({ agent: "titles", input: "go" });
    expect((await gateway.waitForEnd(runId)).output).toBe("Answers: the page at /page.html");
    const { body } = await gateway.call<PageOf<Device>>("GET", "/api/devices");
    expect(body.data.find((device) => device.key === key)?.platform).toBe("browser");
  });

  test("docs/react.md: an agent reads the selection of the tab that asks it", { timeout: TEST_MAX_MS }, async () => {
    const [, part] = partsOf("react.md");
    await gateway.pushAgent(
      callingAgent("editor", [{ tool: "read_selection" }], [{ name: "read_selection", target: "browser" }]),
    );
    const page = await open(`
      import { HsafaProvider, useDevice, useThread } from "@hsafa/client/react";
      import { createElement } from "react";
      import { createRoot } from "react-dom/client";
      function Editor() {
        ${part}
        return createElement("pre", null,
          createElement("button", { disabled: device.state?.kind !== "online", onClick: () => void chat.send("read") }, "Ask"),
          JSON.stringify(chat.messages));
      }
      const { token } = document.documentElement.dataset;
      const provider = createElement(HsafaProvider, { url: location.origin, token }, createElement(Editor));
      createRoot(document.getElementById("root")).render(provider);`);
    await page.waitForSelector("button:enabled", { timeout: STARTED_MAX_MS });
    await page.evaluate(`getSelection().selectAllChildren(document.querySelector("p"))`);
    await page.evaluate(`document.querySelector("button").click()`);
    await page.waitForFunction(`document.body.innerText.includes("Answers: chosen words")`, null, {
      timeout: STARTED_MAX_MS,
    });
  });
});
