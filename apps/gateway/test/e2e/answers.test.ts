/** How an answer ended, and what a provider said instead of one, from a server on a socket to the API. */
import { createServer, request as ask } from "node:http";
import type { AddressInfo } from "node:net";
import type { AgentConfigInput, Page, Run } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { toolCallChunk } from "../support/chat-provider.ts";
import {
  chatChunk,
  chatEnd,
  type Reply,
  startFakeProvider,
  startFakeProviderAt,
} from "../support/fake-provider-server.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { until } from "../support/until.ts";

const KEY = "secret-of-the-test";
const says = (text: string, finishReason = "stop"): Reply => ({
  chunks: [chatChunk({ content: text }), chatEnd(finishReason)],
});
const refuses = (status: number, body: unknown, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { "content-type": "application/json", ...headers },
  chunks: [JSON.stringify(body)],
});

/** The provider of each model. One gateway serves all tests, since a start takes longer than they do. */
const providers = new Map<string, string>();
const router = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const { model } = JSON.parse(Buffer.concat(chunks).toString()) as { model: string };
    const { method, headers, url = "" } = request;
    const asked = ask(`${providers.get(model) ?? ""}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.on("error", () => response.destroy()).pipe(response);
    });
    // A provider that cuts its answer cuts that of the router.
    asked.on("error", () => response.destroy());
    asked.end(Buffer.concat(chunks));
  });
});
let gateway: TestGateway;

beforeAll(async () => {
  await new Promise<void>((resolve) => router.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(router.address() as AddressInfo).port}`;
  const env = { OPENAI_COMPATIBLE_BASE_URL: url, OPENAI_COMPATIBLE_API_KEY: KEY };
  gateway = await startTestGateway({ env });
});
afterAll(async () => {
  await gateway.close();
  router.closeAllConnections();
  router.close();
});

/** Pushes an agent whose provider plays these replies. */
async function serve(config: Partial<AgentConfigInput>, ...replies: readonly Reply[]) {
  const provider = await startFakeProvider(...replies);
  onTestFinished(() => provider.close());
  const name = `agent-${providers.size}`;
  providers.set(name, provider.url);
  await gateway.pushAgent({ name, model: `openai-compatible/${name}`, ...config });
  const run = async (): Promise<Run> => {
    const { runId } = await gateway.startRun({ agent: name, input: "x" });
    return gateway.waitForEnd(runId);
  };
  return { name, provider, run };
}

const removal = {
  name: "delete_files",
  description: "deletes all files, or those that match",
  inputSchema: { type: "object", properties: { match: { type: "string" } } },
  target: "external",
} as const;

describe("an answer that is not whole", () => {
  const scripted = (name: string, finish: string, more: Partial<AgentConfigInput> = {}): AgentConfigInput => ({
    name,
    model: "demo/script",
    settings: { providerOptions: { demo: { script: [[{ say: "Half an ans" }, { finish }]] } } },
    ...more,
  });

  test.each(["length", "content-filter", "error", "other"])(
    "that ended with %s shows in the run, in the list and in its last event",
    async (finish) => {
      await gateway.pushAgent(scripted(`ends-${finish}`, finish));
      const { runId } = await gateway.startRun({ agent: `ends-${finish}`, input: "x" });
      const run = await gateway.waitForEnd(runId);
      expect(run).toMatchObject({ status: "completed", output: "Half an ans", finishReason: finish });
      const list = await gateway.call<Page<Run>>("GET", `/api/runs?agent=ends-${finish}`);
      expect(list.body.data).toMatchObject([{ id: runId, finishReason: finish }]);
      const events = await gateway.watch(runId);
      expect(events.at(-1)).toMatchObject({ type: "run.completed", data: { finishReason: finish } });
    },
  );

  test("fails the run of an agent that wants whole answers", async () => {
    await gateway.pushAgent(scripted("strict", "length", { onIncomplete: "fail" }));
    const { runId } = await gateway.startRun({ agent: "strict", input: "x" });
    expect(await gateway.waitForEnd(runId)).toMatchObject({
      status: "failed",
      finishReason: "length",
      error: { code: "answer_incomplete" },
    });
  });

  test("leaves the thread able to go on", async () => {
    await gateway.pushAgent(scripted("cut", "length"));
    const threadId = "a thread that was cut";
    for (let turn = 0; turn < 2; turn += 1) {
      const { runId } = await gateway.startRun({ agent: "cut", input: "x", threadId });
      expect(await gateway.waitForEnd(runId)).toMatchObject({ status: "completed" });
    }
  });
});

describe("a call that may have been cut", () => {
  const cut = (args: string, finishReason: string): Reply => ({
    chunks: [toolCallChunk(0, { id: "c", name: "delete_files", arguments: args }), chatEnd(finishReason)],
  });

  test.each([
    ["right after its name", "", "length"],
    ["within its arguments", '{"match":"*.t', "length"],
    ["after arguments that look whole", '{"match":"*"}', "length"],
    ["by a filter", "{}", "content_filter"],
    ["by its server", "", "insufficient_system_resource"],
  ])("%s is not executed, and the model reads why", async (_, args, finishReason) => {
    const { provider, run } = await serve({ tools: [removal] }, cut(args, finishReason), says("fine"));
    const { id, status, output } = await run();
    expect({ status, output }).toEqual({ status: "completed", output: "fine" });
    expect(await gateway.toolCalls(id)).toMatchObject([{ status: "failed", error: { code: "invalid_args" } }]);
    const told = JSON.stringify(provider.requests[1]?.body.messages);
    expect(told).toContain("not executed");
  });

  test("does not stop the calls before it, which are whole", async () => {
    const { name } = await serve(
      { tools: [removal] },
      {
        chunks: [
          toolCallChunk(0, { id: "c", name: "delete_files", arguments: '{"match":"a"}' }),
          toolCallChunk(1, { id: "d", name: "delete_files", arguments: '{"mat' }),
          chatEnd("length"),
        ],
      },
      says("fine"),
    );
    const { runId } = await gateway.startRun({ agent: name, input: "x" });
    await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
    const calls = await gateway.toolCalls(runId);
    expect(
      calls.map(({ status, args }) => ({ status, args })).toSorted((one) => (one.status === "failed" ? 1 : -1)),
    ).toMatchObject([{ status: "dispatched", args: { match: "a" } }, { status: "failed" }]);
  });
});

describe("a provider's failure", () => {
  test("is told in its own words, without the key in any form", async () => {
    const inBase64 = Buffer.from(`user:${KEY}`).toString("base64");
    const message = `Refused: Authorization: Bearer ${KEY}, Basic ${inBase64}, the very reason`;
    const { run, provider } = await serve({}, refuses(422, { detail: [{ loc: ["body", "x"], msg: message }] }));
    const { error } = await run();
    expect(error).toMatchObject({ code: "model_bad_request" });
    expect(error?.message).toContain("the very reason");
    expect(error?.message).toContain("body.x");
    expect(error?.message).not.toContain(KEY);
    expect(error?.message).not.toContain(inBase64.slice(8, 24));
    expect(provider.requests).toHaveLength(1);
  });

  test("that repeats 200 kB of what the user said costs no time", async () => {
    const input = "model ".repeat(34_000);
    const { run } = await serve({}, refuses(422, { detail: [{ msg: "Input should be shorter", input }] }));
    const from = performance.now();
    const { error } = await run();
    expect(error?.message).toContain("Input should be shorter");
    expect(performance.now() - from).toBeLessThan(5000);
  });

  test("because its model is loading is waited for, and does not use up the attempts", async () => {
    const loading = refuses(503, { error: { message: "Loading model", type: "unavailable_error", code: 503 } });
    const { run, provider } = await serve({ retry: { maxAttempts: 2 } }, loading, loading, loading, says("up"));
    const { id, status, output } = await run();
    expect({ status, output }).toEqual({ status: "completed", output: "up" });
    expect(provider.requests).toHaveLength(4);
    const retries = (await gateway.events(id)).filter(({ type }) => type === "run.retrying");
    expect(retries.map(({ data }) => data)).toMatchObject([{ loading: true }, { loading: true }, { loading: true }]);
  });

  test("because nobody listens yet is waited for, and the run goes on once its server is up", async () => {
    const vacant = await startFakeProvider();
    await vacant.close();
    const name = `starting-${providers.size}`;
    const access = { OPENAI_COMPATIBLE_BASE_URL: vacant.url };
    const waiting = await startTestGateway({ env: access });
    onTestFinished(() => waiting.close());
    await waiting.pushAgent({ name, model: "openai-compatible/x", retry: { maxAttempts: 2 } });
    const { runId } = await waiting.startRun({ agent: name, input: "x" });
    const retries = async () => (await waiting.events(runId)).filter(({ type }) => type === "run.retrying");
    // More than the agent's attempts.
    await until("it was tried three times", async () => (await retries()).length >= 3);
    const up = await startFakeProviderAt(Number(new URL(vacant.url).port), says("up"));
    onTestFinished(() => up.close());
    expect(await waiting.waitForEnd(runId)).toMatchObject({ status: "completed", output: "up" });
    expect((await retries())[0]?.data).toMatchObject({ loading: true, error: { code: "model_network" } });
  });

  test("because nobody listens ends the run after the agent's time for it", async () => {
    const vacant = await startFakeProvider();
    await vacant.close();
    const waiting = await startTestGateway({ env: { OPENAI_COMPATIBLE_BASE_URL: vacant.url } });
    onTestFinished(() => waiting.close());
    const retry = { maxAttempts: 2, loadingTimeoutMs: 600 };
    await waiting.pushAgent({ name: "vacant", model: "openai-compatible/vacant", retry });
    const { runId } = await waiting.startRun({ agent: "vacant", input: "x" });
    const { status, error } = await waiting.waitForEnd(runId);
    expect({ status, code: error?.code }).toEqual({ status: "failed", code: "model_network" });
    expect(error?.message).toContain("ECONNREFUSED");
  });

  test("because its model is loading ends the run after the agent's time for it", async () => {
    const loading = refuses(500, { error: "The model is still loading, please wait" });
    const { run } = await serve({ retry: { maxAttempts: 3, loadingTimeoutMs: 1500 } }, loading);
    expect(await run()).toMatchObject({ status: "failed", error: { code: "model_overloaded" } });
  });

  test("that is no answer of its API is not tried again", async () => {
    const page: Reply = { headers: { "content-type": "text/html" }, chunks: ["<html><body>Log in</body></html>"] };
    const { run, provider } = await serve({}, page);
    expect(await run()).toMatchObject({ status: "failed", error: { code: "model_bad_response" } });
    expect(provider.requests).toHaveLength(1);
  });
});
