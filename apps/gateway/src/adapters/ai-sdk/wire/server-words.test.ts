import { expect, test } from "vitest";
import { SERVER_WORDS_CHARACTERS_MAX } from "../limits.ts";
import { serverWordsOf } from "./server-words.ts";

const said = (value: unknown): string =>
  serverWordsOf(typeof value === "string" ? value : JSON.stringify(value)).message;

test.each([
  ["OpenAI's object", { error: { message: "why", type: "invalid_request_error", code: null } }, "why"],
  ["Google's list", [{ error: { code: 400, message: "why", status: "INVALID_ARGUMENT" } }], "why"],
  ["vLLM's object", { object: "error", message: "why", type: "BadRequestError", code: 400 }, "why"],
  ["an error that is a text", { error: "why" }, "why"],
  ["FastAPI's text", { detail: "why" }, "why"],
  ["FastAPI's list", { detail: [{ loc: ["body", "messages", 0], msg: "why", type: "x" }] }, "body.messages.0: why"],
  ["FastAPI's list of two", { detail: [{ msg: "why" }, { msg: "and how" }] }, "why; and how"],
  ["a problem document", { type: "about:blank", title: "Bad", detail: "why", status: 400 }, "why"],
  ["a list of texts", { errors: ["why", "and how"] }, "why; and how"],
  ["AWS", { message: "why", __type: "ValidationException" }, "why"],
  ["OAuth", { error: "invalid_token", error_description: "why" }, "why: invalid_token"],
  [
    "OpenRouter",
    { error: { message: "Provider returned error", metadata: { raw: '{"error":{"message":"why"}}' } } },
    "Provider returned error: why",
  ],
  ["JSON within a text, as LiteLLM", { error: { message: '{"error":{"message":"why"}}' } }, "why"],
  ["Hugging Face", { error: "Model x is currently loading", estimated_time: 20 }, "Model x is currently loading"],
  ["Cloudflare", { success: false, errors: [{ code: 7003, message: "why" }], result: null }, "why"],
  ["a text", "why\n", "why"],
  [
    "HTML",
    "<html><head><title>502</title><script>var a = 1;</script></head><body><h1>why</h1></body></html>",
    "502 why",
  ],
  ["an object of its own", { oops: 1 }, '{"oops":1}'],
  ["nothing", "", ""],
])("%s: the reason is found", (_, body, message) => {
  expect(said(body)).toBe(message);
});

test("a status and a wait are found where the body names them", () => {
  expect(serverWordsOf('{"error":{"code":429,"message":"m"}}')).toMatchObject({ status: 429, signs: "" });
  expect(serverWordsOf('{"error":{"code":"rate_limit","message":"m"}}')).toMatchObject({
    status: null,
    signs: "rate_limit",
  });
  expect(serverWordsOf('{"error":"loading","estimated_time":20.5}').retryAfterMs).toBe(20_500);
  expect(serverWordsOf('[{"error":{"details":[{"@type":"RetryInfo","retryDelay":"34s"}]}}]').retryAfterMs).toBe(34_000);
});

test.each([
  ["a text", "model ".repeat(50_000)],
  ["a fault with the whole input", JSON.stringify({ detail: [{ msg: "too long", input: "model ".repeat(40_000) }] })],
  ["an object of its own", JSON.stringify({ a: { b: "model ".repeat(40_000) } })],
  ["tags that never end", "<".repeat(250_000)],
  ["deep nesting", `${'{"error":'.repeat(1000)}"why"${"}".repeat(1000)}`],
  ["a list without end", JSON.stringify(Array.from({ length: 20_000 }, (_, at) => ({ message: `m${at}` })))],
])("what is repeated of a request has a bound, and takes no time: %s", (_, body) => {
  const from = performance.now();
  const words = serverWordsOf(body);
  expect(words.message.length).toBeLessThanOrEqual(SERVER_WORDS_CHARACTERS_MAX);
  expect(words.signs.length).toBeLessThanOrEqual(SERVER_WORDS_CHARACTERS_MAX);
  expect(performance.now() - from).toBeLessThan(500);
});
