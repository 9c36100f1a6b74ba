/**
 * Runs, devices, agents and threads as a tenant has them, for who looks at all screens of the console. Runs are started
 * at one gateway, and devices connect to the other one, where there are two.
 */
import { createDevice, type Device } from "@hsafa/client";
import type { Page, Thread, ToolCall } from "@hsafa/protocol";
import type { TestGateway } from "./test-gateway.ts";
import { externalTool, scriptedAgent } from "./scripted-agents.ts";

/** Where a screen is, and words that stand on it. */
export interface ConsoleScreen {
  readonly name: string;
  readonly path: string;
  /** What is pressed or clicked once the page has settled. */
  readonly press?: string;
  readonly click?: string;
  readonly shows: string;
}

/** A tenant's things, and where each screen of the console shows them. */
export interface ConsoleScene {
  /** Each screen of the console, with what a tenant has. */
  readonly screens: readonly ConsoleScreen[];
  /** What else screens look like: without anything, with a failure, and while something is written on them. */
  readonly states: readonly ConsoleScreen[];
  readonly threadId: string;
  close(): void;
}

const TOOL = { inputSchema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] } };
const read = (key: string, path: string, name = `read_${key}`) => ({ call: name, args: { path } });

/** Makes all of it. */
export async function openConsoleScene(a: TestGateway, b: TestGateway): Promise<ConsoleScene> {
  const devices: Device[] = ["laptop", "desk", "phone"].map((key) =>
    createDevice({
      url: b.url,
      token: b.apiKey,
      deviceKey: key,
      displayName: `Ann's ${key}`,
      platform: key === "phone" ? "android" : "linux",
      labels: { room: key === "desk" ? "office" : "home" },
      tools: {
        [`read_${key}`]: {
          description: "Reads a text file of this device, and returns what it says.",
          ...TOOL,
          execute: (args: unknown) => `${JSON.stringify(args)} was read on ${key}.`,
        },
      },
    }),
  );
  await Promise.all(devices.map((device) => device.whenOnline()));
  const tools = ["laptop", "desk", "phone"].map((key) => ({ name: `read_${key}`, ...TOOL, device: { key } }));
  const support = (last: string, system: string) =>
    scriptedAgent(
      "support",
      [
        [
          { think: "The order may be on any of the devices. I look at all of them at once." },
          { say: "I will look for your order on **your devices**.\n" },
          ...["laptop", "desk", "phone"].map((key) => read(key, `orders/2026-${key}.md`)),
        ],
        [
          {
            say: `# What I found\n\n1. The order left on *Monday*.\n2. It arrives by ${last}.\n\nShall I write it down?`,
          },
        ],
      ],
      { system, tools },
    );
  await a.pushAgent(support("noon", "You answer for a shop.\nBe polite.\nBe short."));
  await a.pushAgent(support("Wednesday", "You answer for a shop.\nBe kind.\nBe short."));
  await a.pushAgent(
    scriptedAgent(
      "payer",
      [[{ say: "It costs 40 €. May I?" }, { call: "pay", args: { eur: 40, to: "The Lemon Shop" } }]],
      {
        tools: externalTool("pay", { approval: { selfApproval: true } }),
      },
    ),
  );
  await a.pushAgent(
    scriptedAgent("broken", [[{ fail: { status: 400, message: "the model knows no parameter 'depth'" } }]]),
  );
  await a.pushAgent(
    scriptedAgent("waiter", [[{ say: "I wait for the kitchen." }, { call: "ask", args: { dish: "soup" } }]], {
      tools: externalTool("ask"),
    }),
  );
  const ended = async (body: Readonly<Record<string, unknown>>): Promise<string> => {
    const { runId } = await a.startRun(body);
    await a.waitForEnd(runId);
    return runId;
  };
  const { body: thread } = await a.call<Thread>("POST", "/api/threads", { key: "ann", title: "Ann's lemon tree" });
  const of = { agent: "support", threadId: thread.id };
  const first = await ended({ ...of, input: "Where is my order A-1709?", metadata: { order: "A-1709" } });
  const { body: versions } = await a.call<Page<{ id: string }>>("GET", "/api/agents/support/versions");
  const answered = (await a.events(first)).findLast(({ type }) => type === "tool.completed")?.id ?? "";
  const before = versions.data.at(-1)?.id ?? "";
  const second = await ended({ ...of, input: "And when does it arrive?", versionId: before });
  const failed = await ended({ agent: "broken", input: "Go." });
  await ended({ agent: "support", input: "مرحبا، أين طلبي؟" });
  const waiting = await a.startRun({ agent: "waiter", input: "Is the soup ready?" });
  const asked = await a.startRun({ agent: "payer", input: "Buy a lemon tree for Ann." });
  for (const { runId } of [waiting, asked]) await a.waitForRun(runId, ({ status }) => status === "waiting_tool");
  const [question] = await a.toolCalls(asked.runId);
  const { body: calls } = await a.call<Page<ToolCall>>("GET", `/api/runs/${first}/tool-calls`);
  const { body: listed } = await a.call<Page<{ id: string; key: string }>>("GET", "/api/devices");
  const laptop = listed.data.find(({ key }) => key === "laptop")?.id ?? "";
  await a.call("POST", `/api/agents/support/promote`, { versionId: before });
  return {
    threadId: thread.id,
    close: () => {
      for (const device of devices) device.close();
    },
    screens: [
      { name: "runs", path: "/runs", shows: "the model knows no parameter" },
      { name: "filtered", path: "/runs?metadata=a-1709&device=laptop&since=24h", shows: "support" },
      { name: "run", path: `/runs/${first}?call=${calls.data[0]?.id}`, shows: "What I found" },
      { name: "events", path: `/runs/${first}?tab=events`, shows: "run.completed" },
      { name: "calls", path: `/runs/${first}?tab=calls&at=9-0`, shows: "read_laptop" },
      { name: "failed", path: `/runs?status=failed`, shows: "broken" },
      { name: "compare", path: `/compare?a=${first}&b=${second}`, shows: "Where is my order" },
      { name: "approvals", path: `/approvals?call=${question?.id}`, shows: "payer wants to call pay" },
      { name: "devices", path: `/devices?device=${laptop}`, shows: "Reads a text file" },
      { name: "agents", path: "/agents", shows: "support" },
      {
        name: "agent",
        path: `/agents/support?version=${versions.data[0]?.id}&against=${before}`,
        shows: "says otherwise than version 1",
      },
      { name: "playground", path: `/agents/support/play?thread=${thread.id}`, shows: "What I found" },
      { name: "threads", path: "/threads", shows: "Ann's lemon tree" },
      { name: "thread", path: `/threads/${thread.id}`, shows: "And when does it arrive?" },
      { name: "health", path: "/fleet", shows: "answered in" },
      { name: "access", path: "/access", shows: "agent.push" },
      { name: "open", path: "/open", shows: "file" },
    ],
    states: [
      { name: "no runs", path: "/runs?agent=nobody", shows: "No run fits this filter" },
      { name: "no page", path: "/nothing", shows: "no such page" },
      { name: "no agent", path: "/agents/nobody", shows: "not_found" },
      { name: "failed run", path: `/runs/${failed}`, shows: "the model knows no parameter" },
      { name: "question", path: `/runs/${asked.runId}?call=${question?.id}`, shows: "held by no gateway" },
      { name: "shown event", path: `/runs/${first}?tab=events&show=2`, shows: "message.user" },
      { name: "what to compare", path: "/compare", shows: "the id of a run" },
      { name: "what to compare with", path: `/compare?a=${first}`, shows: "The latest of the same agent" },
      { name: "all compared", path: `/compare?a=${first}&b=${second}&show=all`, shows: "the same in both" },
      { name: "edited fork", path: `/runs/${first}?at=2-0`, press: "f", shows: "what the user says there" },
      { name: "fork of calls", path: `/runs/${first}?at=${answered}`, press: "f", shows: "execute read_laptop again" },
      {
        name: "tool tester",
        path: `/devices?device=${laptop}`,
        click: "[aria-label='Try it: read_laptop']",
        shows: "Call read_laptop",
      },
      { name: "new playground", path: "/agents/support/play", shows: "support" },
      { name: "keys", path: "/access?tab=keys", shows: "operator" },
      { name: "tenants", path: "/access?tab=tenants", shows: "default" },
    ],
  };
}
