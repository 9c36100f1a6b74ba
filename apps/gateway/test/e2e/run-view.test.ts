/**
 * What a page shows of real runs is the same however it came by their events. They were watched live, read as a record,
 * read as facts alone, or joined after the end.
 */
import { createClient } from "@hsafa/client";
import { EMPTY_RUN_VIEW, followRun, nextRunView, type RunView } from "@hsafa/client/view";
import type { AgentConfigInput, RunEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** Thinks, speaks, asks a person who approves, and speaks again. */
const clerk: AgentConfigInput = {
  name: "clerk",
  model: "demo/script",
  tools: [{ name: "pay", inputSchema: { type: "object" }, target: "external", approval: "always" }],
  settings: {
    providerOptions: {
      demo: {
        script: [
          [
            { think: "hm " },
            { repeat: 30, parts: [{ say: "word{{n}} ", everyMs: 2 }] },
            { call: "pay", args: { eur: 7 } },
          ],
          [{ say: "Paid: {{results}}" }],
        ],
      },
    },
  },
};

/** Speaks for a minute, unless it is canceled. */
const talker: AgentConfigInput = {
  name: "talker",
  model: "demo/script",
  settings: { providerOptions: { demo: { script: [[{ repeat: 3000, parts: [{ say: "on{{n}} ", everyMs: 20 }] }]] } } },
};

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  await gateway.pushAgent(clerk);
  await gateway.pushAgent(talker);
});
afterAll(() => gateway.close());

const viewOf = (events: readonly RunEvent[]): RunView => events.reduce(nextRunView, EMPTY_RUN_VIEW);

async function expectOneView(runId: string, live: RunView | undefined): Promise<void> {
  const record = await gateway.events(runId);
  expect(viewOf(record)).toEqual(live);
  expect(viewOf(record.filter(({ id }) => id.endsWith("-0")))).toEqual(live);
  expect(viewOf(await gateway.watch(runId))).toEqual(live);
}

test("a run with a call that a person approves", async () => {
  const client = createClient({ url: gateway.url, token: gateway.apiKey });
  const { runId } = await client.runs.start({ agent: "clerk", input: "pay 7" });
  const seen = new Set<string>();
  let live: RunView | undefined;
  for await (live of followRun(client, runId)) {
    for (const message of live.messages) {
      for (const part of message.role === "assistant" ? message.parts : []) {
        if (part.type !== "tool" || seen.has(part.state)) continue;
        seen.add(part.state);
        const digest = part.question?.digest;
        if (part.state === "awaiting_approval" && typeof digest === "string")
          await client.runs.approve(runId, { callId: part.callId, approved: true, digest });
        if (part.state === "running")
          await client.runs.submitToolResult(runId, { callId: part.callId, result: "done" });
      }
    }
  }
  expect(live).toMatchObject({ status: "completed" });
  expect([...seen]).toEqual(["input", "requested", "awaiting_approval", "approved", "running", "completed"]);
  await expectOneView(runId, live);
});

test("a run that is canceled while it speaks", async () => {
  const client = createClient({ url: gateway.url, token: gateway.apiKey });
  const { runId } = await client.runs.start({ agent: "talker", input: "go" });
  let live: RunView | undefined;
  let isAsked = false;
  for await (live of followRun(client, runId)) {
    const said = live.messages.at(-1);
    if (isAsked || said?.role !== "assistant" || !said.parts.some((part) => "text" in part && part.text !== ""))
      continue;
    isAsked = true;
    await client.runs.cancel(runId, { reason: "enough" });
  }
  expect(live).toMatchObject({ status: "canceled", cancelReason: "enough" });
  expect(live?.messages.at(-1)).toMatchObject({ role: "assistant", state: "cut" });
  await expectOneView(runId, live);
});
