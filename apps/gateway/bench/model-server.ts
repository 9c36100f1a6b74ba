/**
 * The model of the benchmark: a server that speaks OpenAI's chat completions over SSE. The model's name is its script,
 * `<tokens>x<everyMs>`, or `<tokens>x<everyMs>x<firstMs>` if it is silent at first. With `everyMs` 0 it writes as fast
 * as the socket takes it. The model `tool` calls the tool `look`. Asked with the result, it says how many ms that took.
 * Prints its URL.
 */
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { makeToken } from "./token.ts";

const chunk = (delta: object, finishReason: string | null): string =>
  `data: ${JSON.stringify({ id: "c", object: "chat.completion.chunk", created: 0, model: "bench", choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`;

async function* play(model: string): AsyncGenerator<string> {
  const [tokens = 0, everyMs = 0, firstMs = 0] = model.split("x").map(Number);
  if (firstMs > 0) await sleep(firstMs);
  yield chunk({ role: "assistant", content: "" }, null);
  const begin = performance.now();
  for (let token = 0; token < tokens; token++) {
    // Paced by the clock, so that a late timer does not slow the stream down.
    const waitMs = begin + token * everyMs - performance.now();
    if (everyMs > 0 && waitMs > 0) await sleep(waitMs);
    yield chunk({ content: makeToken() }, null);
  }
  yield chunk({}, "stop");
  yield "data: [DONE]\n\n";
}

interface Message {
  readonly role: string;
  readonly content: unknown;
}

/** When the call of a tool was written, by the user's message. */
const calledAt = new Map<string, number>();

function* playTool(messages: readonly Message[], askedAt: number): Generator<string> {
  const said = JSON.stringify(messages.find(({ role }) => role === "user")?.content);
  const since = calledAt.get(said);
  if (since === undefined) {
    const call = { index: 0, id: "call_1", type: "function", function: { name: "look", arguments: "{}" } };
    yield chunk({ role: "assistant", tool_calls: [call] }, null);
    calledAt.set(said, performance.now());
    yield chunk({}, "tool_calls");
  } else {
    calledAt.delete(said);
    yield chunk({ role: "assistant", content: String(askedAt - since) }, null);
    yield chunk({}, "stop");
  }
  yield "data: [DONE]\n\n";
}

const server = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (text: string) => {
    body += text;
  });
  request.on("end", () => {
    const askedAt = performance.now();
    const { model, messages } = JSON.parse(body) as { model: string; messages: readonly Message[] };
    response.writeHead(200, { "content-type": "text/event-stream" });
    // It fails when the client leaves.
    pipeline(Readable.from(model === "tool" ? playTool(messages, askedAt) : play(model)), response).catch(() =>
      response.destroy(),
    );
  });
});
// Longer than any pause of a measurement: a busy client may send just when an idle connection is closed.
server.keepAliveTimeout = 120_000;
server.on("connection", (socket) => socket.setNoDelay(true));
server.listen(0, "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${(server.address() as { port: number }).port}`);
});
