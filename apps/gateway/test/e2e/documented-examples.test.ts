/** The first example of a page of the documents is a program. It is played here as a reader would: saved and run. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentConfigInput } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { callingAgent } from "../support/device-agent.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { blocksOf } from "../support/document-page.ts";
import { playProgram, type PlayedProgram } from "../support/played-program.ts";
import { until } from "../support/until.ts";
import { freePort } from "../support/free-port.ts";

const root = join(import.meta.dirname, "../../../..");
/** A project of a reader: the packages are there, and nothing else. */
const project = mkdtempSync(join(tmpdir(), "hsafa-docs-"));

/** A program begins in a moment, unless the machine is busy. */
const STARTED_MAX_MS = 45_000;

let gateway: TestGateway;
beforeAll(async () => {
  symlinkSync(join(root, "node_modules"), join(project, "node_modules"));
  gateway = await startTestGateway();
});
afterAll(async () => {
  await gateway.close();
  rmSync(project, { recursive: true });
});

/** The first block of code of a page. */
function exampleOf(page: string): string {
  const [first] = blocksOf(`docs/${page}`);
  if (first === undefined) throw new Error(`${page} begins with no example`);
  return first.code;
}

/** Runs the example of a page. */
const play = (page: string, env: Readonly<Record<string, string>>): PlayedProgram =>
  playProgram(join(project, page.replace(".md", ".ts")), exampleOf(page), env);

const ofGateway = () => ({ HSAFA_URL: gateway.url, HSAFA_API_KEY: gateway.apiKey });

test("docs/threads.md: a conversation is followed until its answer is there", async () => {
  await gateway.pushAgent({ name: "assistant", model: "demo/echo" });
  const { child, said } = play("threads.md", ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toMatchObject({ code: 0 });
  expect(said()).toMatch(/^What is a thread\? → .+\n$/);
});

test("docs/threads.md: what the whole page does to its thread, one after the other", async () => {
  await gateway.pushAgent({ name: "assistant", model: "demo/echo" });
  const page = blocksOf("docs/threads.md").filter(({ language }) => language === "ts");
  const whole = page.map(({ code }) => code).join("\n");
  const { child, said } = playProgram(join(project, "whole-thread.ts"), whole, ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toMatchObject({ code: 0 });
  expect(said()).toMatch(/ inbox\n/);
  expect(said()).toMatch(/\d+ messages are left in The other way\n$/);
});

test("docs/scope-of-a-run.md: the model is told what the start adds", async () => {
  await gateway.pushAgent({ name: "assistant", model: "demo/echo" });
  const { child, said } = play("scope-of-a-run.md", ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toMatchObject({ code: 0 });
  const { body } = await gateway.call<{ data: { id: string }[] }>("GET", "/api/runs?agent=assistant&limit=1");
  const [created] = await gateway.events(body.data[0]?.id ?? "");
  const instructions = "The user's name is Ann. She eats no meat.";
  expect(created?.data).toMatchObject({ instructions, tools: [] });
});

test("docs/structured-output.md: the object is shown while it is written, and the run ends with it", async () => {
  await gateway.pushAgent({ name: "planner", model: "demo/object" });
  const { child, said } = play("structured-output.md", ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toMatchObject({ code: 0 });
  expect(said()).toMatch(/^so far: /);
  expect(said()).toContain('so far: {"city":"Rome"');
  expect(said()).toMatch(/1 day\(s\) in Rome\n$/);
});

test("docs/provider-tools.md: a search of the provider is shown, and where its answer comes from", async () => {
  const agent = blocksOf("docs/provider-tools.md").find(({ language }) => language === "json");
  await gateway.pushAgent(JSON.parse(agent?.code ?? "") as AgentConfigInput);
  const { child, said } = play("provider-tools.md", ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  const shown =
    'web_search {"query":"lemons"}\nLemons need sun.\nsource: Growing lemons https://lemons.example/growing\ncites 0 from 0 to 16\n';
  expect({ code, said: said() }).toEqual({ code: 0, said: shown });
});

test("docs/limits-of-a-run.md: a run that nobody answers ends when its time is over", async () => {
  const { child, said } = play("limits-of-a-run.md", ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toEqual({ code: 0, said: "failed limit_exceeded wallTimeMs\n" });
});

test("docs/attachments.md: a picture is uploaded, and the model says what it received", async () => {
  const { child, said } = play("attachments.md", ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toMatchObject({ code: 0 });
  expect(said()).toMatch(/^dot\.png: image\/png, 70 bytes, SHA-256 [0-9a-f]{64}\n$/);
});

test("docs/sleep.md: a run says until when it sleeps, and wakes", async () => {
  const { child, said } = play("sleep.md", ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toMatchObject({ code: 0 });
  expect(said()).toMatch(/^sleeps until \S+Z\nGood morning: \{"wokeAt":"\S+Z"\}\n$/);
});

test("docs/fork.md: a result is reused, a call is executed again, and a message is edited, and the record says so", async () => {
  const whole = blocksOf("docs/fork.md").filter(({ language }) => language === "ts");
  const { child, said } = playProgram(join(project, "fork.ts"), whole.map(({ code }) => code).join("\n"), ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said().split("\n") }).toEqual({
    code: 0,
    said: [
      "It says: yes",
      "reused: It says: yes",
      "again: It says: no longer",
      "edited: It says: plenty",
      "again [ 'ask' ]",
      "",
    ],
  });
});

test("docs/sub-agents.md: an agent asks another one, and tells what that one said", async () => {
  const { child, said } = play("sub-agents.md", ofGateway());
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toEqual({
    code: 0,
    said: "a child takes the call\nthe child is completed\nThe researcher says: lemons\nresearcher at depth 1\n",
  });
});

test("docs/approvals.md: a person is shown each call that waits, and decides it", async () => {
  const tools = ["refund", "close_account"].map((name) => ({ name, target: "external", approval: "always" }) as const);
  const calls = [{ tool: "refund", args: { eur: 12 } }, { tool: "close_account" }];
  await gateway.pushAgent(callingAgent("clerk-with-care", calls, tools));
  const { runId } = await gateway.startRun({ agent: "clerk-with-care", input: "help" });
  await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
  const { child, said } = play("approvals.md", ofGateway());
  await until("a call is shown", () => said().includes("close_account {} → external? [y/N] "), STARTED_MAX_MS);
  child.stdin?.write("n\n");
  await until("the other one is shown", () => said().includes('refund {"eur":12} → external? [y/N] '));
  child.stdin?.write("y\n");
  const [code] = (await once(child, "exit")) as [number];
  expect({ code, said: said() }).toMatchObject({ code: 0 });
  const statusOf = async (name: string) =>
    (await gateway.toolCalls(runId)).find(({ toolName }) => toolName === name)?.status ?? null;
  await until("the refund goes out", async () => (await statusOf("refund")) === "dispatched");
  expect(await statusOf("close_account")).toBe("denied");
});

test("docs/devices.md: a device executes a call, and leaves when it is told to", async () => {
  await gateway.pushAgent(
    callingAgent("adder", [{ tool: "add", args: { a: 2, b: 5 } }], [{ name: "add", device: { key: "my-laptop" } }]),
  );
  const { child, said } = play("devices.md", ofGateway());
  await until("the device is online", () => said().includes("my-laptop is online"), STARTED_MAX_MS);
  const { runId } = await gateway.startRun({ agent: "adder", input: "add" });
  expect((await gateway.waitForEnd(runId)).output).toBe("Answers: 7");
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  expect((await exit)[0]).toBe(0);
});

test("docs/embedding.md: a shop serves its own page, and a gateway whose agent calls a function of the shop", async () => {
  const key = "hsafa_test_operator_key_0123456789abcdef";
  const port = String(await freePort());
  const { child, said } = play("embedding.md", {
    PORT: port,
    HSAFA_ADMIN_KEY: key,
    HSAFA_DATA_DIR: join(project, "data"),
    HSAFA_DEMO_MODELS: "on",
  });
  await until("the shop is open", () => said().includes("the shop is open"), STARTED_MAX_MS);
  const shop = `http://127.0.0.1:${port}`;
  expect(await (await fetch(`${shop}/about`)).text()).toBe("This page is the shop's own.");
  const ask = async (path: string, body: object): Promise<Record<string, string>> => {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const response = await fetch(shop + path, { method: "POST", headers, body: JSON.stringify(body) });
    expect(response.status).toBeLessThan(300);
    return (await response.json()) as Record<string, string>;
  };
  const calls = [{ tool: "stock", args: { of: "nails" } }];
  const config = callingAgent("clerk", calls, [{ name: "stock", server: { type: "function" } }]);
  await ask("/api/agents", { name: "clerk", config });
  const { runId } = await ask("/api/runs", { agent: "clerk", input: "How many?" });
  const stream = await fetch(`${shop}/api/runs/${runId}/stream`, { headers: { authorization: `Bearer ${key}` } });
  expect(await stream.text()).toContain('{\\"left\\":7,\\"of\\":{\\"of\\":\\"nails\\"}}');
  const socket = new WebSocket(`${shop.replace("http", "ws")}/api/watch`);
  const answer = new Promise((resolve) => socket.addEventListener("message", ({ data }) => resolve(data)));
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  socket.send(JSON.stringify({ type: "auth", token: key }));
  expect(await answer).toBe('{"type":"authenticated"}');
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  expect((await exit)[0]).toBe(0);
});

test("docs/react.md: it begins with what the chat example renders, which a browser plays elsewhere", () => {
  expect(readFileSync(join(root, "examples/chat/main.tsx"), "utf8").replace(/^ {2}/gm, "")).toContain(
    exampleOf("react.md").trim(),
  );
});
