/**
 * What users of comparable systems report of providers, each played by a server on a socket. A run goes on wherever the
 * meaning is clear, and says why where it is not.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import type { AgentConfigInput, Run } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REFUSAL_BYTES_MAX } from "../../src/adapters/ai-sdk/limits.ts";
import { toolCallChunk } from "../support/chat-provider.ts";
import { chatChunk, chatEnd, sse } from "../support/fake-provider-server.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

type Body = Record<string, unknown>;
interface Asked {
  readonly request: IncomingMessage;
  readonly body: Body;
  /** 1 for the first request of its model. */
  readonly nth: number;
}
type Behaviour = (asked: Asked, response: ServerResponse) => void;

/** What the provider does, by the model that an agent names, and what it was asked. */
const behaviours = new Map<string, Behaviour>();
const asked = new Map<string, Body[]>();

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const text = Buffer.concat(chunks).toString();
    const body = (text === "" ? {} : JSON.parse(text)) as Body;
    const model = /models\/([^:?]+)/.exec(request.url ?? "")?.[1] ?? (body["model"] as string);
    const requests = asked.get(model) ?? [];
    asked.set(model, [...requests, body]);
    const behave = behaviours.get(model);
    if (behave === undefined) response.writeHead(405).end("Method Not Allowed");
    else behave({ request, body, nth: requests.length + 1 }, response);
  });
});

let gateway: TestGateway;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const access = { baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, apiKey: "key-of-the-test" };
  gateway = await startTestGateway({ providers: { anthropic: access, google: access, openaiCompatible: access } });
});
afterAll(async () => {
  await gateway.close();
  server.closeAllConnections();
  server.close();
});

let agents = 0;

/** Runs an agent whose provider behaves like this. Returns the run and the bodies of its requests. */
async function play(
  behave: Behaviour,
  config: Partial<AgentConfigInput> = {},
  provider = "openai-compatible",
): Promise<{ readonly run: Run; readonly bodies: readonly Body[] }> {
  const model = `odd-${++agents}`;
  behaviours.set(model, behave);
  await gateway.pushAgent({ name: model, model: `${provider}/${model}`, ...config });
  const { runId } = await gateway.startRun({ agent: model, input: "x" });
  const run = await gateway.waitForEnd(runId);
  return { run, bodies: asked.get(model) ?? [] };
}

const stream = (response: ServerResponse, ...events: readonly (string | Uint8Array)[]): void => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) response.write(event);
  response.end();
};
const hello = chatChunk({ role: "assistant", content: "Hello" }) + chatEnd();
const isFine = { status: "completed", output: "Hello", error: null };

const anthropicAnswer = (text: string): string =>
  [
    { type: "message_start", message: { id: "m", usage: { input_tokens: 1 } } },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text } },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 1 } },
    { type: "message_stop" },
  ]
    .map((event) => sse(event, event.type))
    .join("");

/** A tool whose result says what it was called with. */
const echo = {
  name: "echo",
  inputSchema: { type: "object", properties: { q: { type: "string" } } },
  server: { type: "function" },
} as const;

describe("refusals that pass", () => {
  test("529 is an overload: it is asked again", async () => {
    const { run, bodies } = await play(
      ({ nth }, response) => {
        if (nth > 1) return stream(response, anthropicAnswer("Hello"));
        response.writeHead(529, { "content-type": "application/json" });
        return response.end('{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}');
      },
      {},
      "anthropic",
    );
    expect(run).toMatchObject(isFine);
    expect(bodies).toHaveLength(2);
  });

  test.each([
    ["as a date", () => ({ "retry-after": new Date(Date.now() + 2000).toUTCString() }), 1000],
    ["in milliseconds", () => ({ "retry-after-ms": "1500" }), 1500],
  ])("Retry-After %s is kept", async (_, headers, pauseMs) => {
    let refusedAt = 0;
    let pausedMs = 0;
    const { run } = await play(({ nth }, response) => {
      if (nth > 1) {
        pausedMs = performance.now() - refusedAt;
        return stream(response, hello);
      }
      refusedAt = performance.now();
      return response.writeHead(429, headers()).end("slow down");
    });
    expect(run).toMatchObject(isFine);
    // A date has no milliseconds.
    expect(pausedMs).toBeGreaterThanOrEqual(pauseMs - 50);
  });
});

test("a refusal whose body never ends is read to our bound, and its reason is told (R9)", async () => {
  const { run } = await play((_, response) => {
    response.writeHead(400, { "content-type": "text/plain" });
    response.write("the very reason\n");
    const more = (): void => {
      while (!response.destroyed && response.write("x".repeat(REFUSAL_BYTES_MAX)));
    };
    response.on("drain", more);
    more();
  });
  expect(run).toMatchObject({ status: "failed", error: { code: "model_bad_request" } });
  expect(run.error?.message).toContain("the very reason");
});

describe("streams in other clothes", () => {
  test.each([
    ["gzip", gzipSync],
    ["br", brotliCompressSync],
  ] as const)("a stream that is compressed by %s is read", async (encoding, compress) => {
    const { run } = await play((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": encoding });
      response.end(compress(hello));
    });
    expect(run).toMatchObject(isFine);
  });

  test("a byte order mark, CRLF and data without a space are read", async () => {
    const { run } = await play((_, response) =>
      stream(response, "\ufeff", hello.replaceAll("\n", "\r\n").replaceAll("data: ", "data:")),
    );
    expect(run).toMatchObject(isFine);
  });

  test("a first chunk with neither choices nor delta, and usage null throughout, are read", async () => {
    const { run } = await play((_, response) =>
      stream(
        response,
        sse({ id: "c", prompt_filter_results: [], choices: [], usage: null }),
        sse({ choices: [{ index: 0, delta: null, finish_reason: null }], usage: null }),
        chatChunk({ content: "Hello" }, { usage: null }),
        sse({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage: null }),
        "data: [DONE]\n\n",
      ),
    );
    expect(run).toMatchObject(isFine);
  });

  test("a base URL that redirects a POST to another address says where to, since the question would be lost", async () => {
    const { run } = await play(({ request }, response) =>
      response.writeHead(301, { location: `https://new.example${request.url}` }).end(),
    );
    expect(run).toMatchObject({ status: "failed", error: { code: "model_bad_response" } });
    expect(run.error?.message).toContain("https://new.example/chat/completions");
  });
});

describe("calls in other clothes", () => {
  const calling = (args: string): Behaviour => {
    return ({ nth, body }, response) => {
      if (nth === 1) {
        return stream(response, toolCallChunk(0, { id: "c", name: "echo", arguments: args }), chatEnd("tool_calls"));
      }
      const results = (body["messages"] as Body[]).filter(({ role }) => role === "tool");
      return stream(response, chatChunk({ content: String(results[0]?.["content"]) }) + chatEnd());
    };
  };

  test.each([
    ["as JSON within a text", JSON.stringify('{"q":"x"}'), '{"q":"x"}'],
    ["as null", "null", "{}"],
    ["as white space", " \n", "{}"],
  ])("arguments %s reach the tool", async (_, args, received) => {
    const heard: unknown[] = [];
    const own = await startTestGateway({
      functions: {
        echo: (given) => {
          heard.push(given);
          return JSON.stringify(given);
        },
      },
      env: { OPENAI_COMPATIBLE_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
    });
    try {
      const model = `odd-${++agents}`;
      behaviours.set(model, calling(args));
      await own.pushAgent({ name: model, model: `openai-compatible/${model}`, tools: [echo] });
      const { runId } = await own.startRun({ agent: model, input: "x" });
      expect(await own.waitForEnd(runId)).toMatchObject({ status: "completed", output: received });
      expect(heard).toEqual([JSON.parse(received)]);
      // What goes back is an object again: strict servers refuse anything else.
      const [, second] = asked.get(model) ?? [];
      expect(JSON.stringify(second)).toContain(JSON.stringify({ arguments: received }).slice(1, -1));
    } finally {
      await own.close();
    }
  });

  test("a text that is no arguments is told to the model, which asks anew", async () => {
    const { run } = await play(calling('"let me think"'), { tools: [echo] });
    expect(run.output).toContain("invalid_args");
  });

  test("an answer that ends for calls and has none ends the run, which does not wait for them", async () => {
    const { run } = await play((_, response) =>
      stream(response, chatChunk({ content: "Hello" }), chatEnd("tool_calls")),
    );
    expect(run).toMatchObject(isFine);
  });

  test("a NUL in text, in arguments and in reasoning stops nothing", async () => {
    const { run } = await play(
      ({ nth }, response) => {
        if (nth > 1) return stream(response, chatChunk({ content: "a\u0000b" }) + chatEnd());
        return stream(
          response,
          chatChunk({ reasoning_content: "\u0000" }),
          toolCallChunk(0, { id: "c", name: "echo", arguments: JSON.stringify({ q: "\u0000" }) }),
          chatEnd("tool_calls"),
        );
      },
      { tools: [echo] },
    );
    expect(run.status).toBe("completed");
    expect(run.output).toMatch(/^a.b$/u);
  });
});

test("a signature without a thought goes back, since the provider reads its thought from it", async () => {
  const { bodies } = await play(
    ({ nth }, response) => {
      if (nth > 1) return stream(response, anthropicAnswer("Hello"));
      return stream(
        response,
        ...[
          { type: "message_start", message: { id: "m", usage: { input_tokens: 1 } } },
          { type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
          { type: "content_block_delta", index: 0, delta: { type: "signature_delta", signature: "SIGNED" } },
          { type: "content_block_stop", index: 0 },
          {
            type: "content_block_start",
            index: 1,
            content_block: { type: "tool_use", id: "t", name: "echo", input: {} },
          },
          { type: "content_block_stop", index: 1 },
          { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: { output_tokens: 1 } },
          { type: "message_stop" },
        ].map((event) => sse(event, event.type)),
      );
    },
    { tools: [echo] },
    "anthropic",
  );
  const content = [
    { type: "thinking", thinking: "", signature: "SIGNED" },
    { type: "tool_use", name: "echo" },
  ];
  expect(bodies[1]).toMatchObject({ messages: [{ role: "user" }, { role: "assistant", content }, { role: "user" }] });
});

test("a summary of the thread stands where a system message may: strict templates take one, at the beginning", async () => {
  const threadId = "a thread that is summarised";
  const model = `odd-${++agents}`;
  const faults: string[] = [];
  behaviours.set(model, ({ body }, response) => {
    const roles = (body["messages"] as Body[]).map(({ role }) => role);
    if (roles.lastIndexOf("system") > 0) faults.push("System message must be at the beginning.");
    const turns = roles.filter((role) => role !== "system");
    if (turns.some((role, at) => role !== (at % 2 === 0 ? "user" : "assistant"))) faults.push(roles.join());
    stream(response, chatChunk({ content: "y".repeat(900) }) + chatEnd());
  });
  const history = { maxTokens: 700, overflow: "summarize" } as const;
  await gateway.pushAgent({ name: model, model: `openai-compatible/${model}`, history, system: "Be kind." });
  for (let turn = 0; turn < 5; turn += 1) {
    const { runId } = await gateway.startRun({ agent: model, input: `message ${turn}`, threadId });
    expect((await gateway.waitForEnd(runId)).status).toBe("completed");
  }
  expect(JSON.stringify(asked.get(model)?.at(-1))).toContain("summary of the conversation");
  expect(faults).toEqual([]);
});
