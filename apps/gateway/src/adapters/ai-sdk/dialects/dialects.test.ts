/** What each dialect makes of a conversation, by example. That the rules hold for any is a property test's matter. */
import type { Message } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import type { Dialect } from "./dialect.ts";
import { dialectOf } from "./dialect-of.ts";
import type { Origin } from "./origin.ts";
import { turnsOf } from "./turn.ts";

const origin = (model: string, account = "a1"): Origin => ({ provider: model.split("/")[0] ?? "", model, account });

function dialectFor(model: string, baseUrl?: string, providerOptions = {}): Dialect {
  const [provider = "", ...rest] = model.split("/");
  return dialectOf({ provider, modelId: rest.join("/"), baseUrl, providerOptions });
}

function said(model: string, messages: Message[], { hasTools = true, account = "a1" } = {}) {
  const modelId = model.slice(model.indexOf("/") + 1);
  const listener = { origin: origin(model, account), modelId, hasTools, providerTools: [], providerOptions: {} };
  return dialectFor(model).say(turnsOf(messages), listener);
}

const user = (text: string): Message => ({ role: "user", content: text });
const thought = (by: Origin): Message => ({
  role: "assistant",
  content: [
    { type: "reasoning", text: "Hm.", providerOptions: { anthropic: { signature: "S" }, hsafa: { ...by } } },
    { type: "text", text: "hello" },
  ],
});
const called = (id: string): Message => ({
  role: "assistant",
  content: [{ type: "tool-call", toolCallId: id, toolName: "look", input: { q: 1 } }],
});
const answered = (id: string): Message => ({
  role: "tool",
  content: [{ type: "tool-result", toolCallId: id, toolName: "look", output: { type: "text", value: "seen" } }],
});

describe("which dialect a server gets", () => {
  test.each([
    ["openai-compatible/mistral-large", "https://api.groq.com/openai/v1", "groq"],
    ["openai-compatible/m", "https://api.mistral.ai/v1", "mistral"],
    ["openai-compatible/m", "https://api.deepseek.com", "deepseek"],
    ["openai-compatible/kimi-k2-thinking", "https://api.moonshot.ai/v1", "deepseek"],
    ["openai-compatible/m", "https://generativelanguage.googleapis.com/v1beta/openai", "gemini-chat"],
    ["openai-compatible/google/gemini-3-pro", "https://openrouter.ai/api/v1", "gemini-chat"],
    ["openai-compatible/deepseek-r1-distill-llama-70b", "http://127.0.0.1:8000/v1", "openai-chat"],
    ["openai-compatible/m", "http://mistral.ai.example.com/v1", "openai-chat"],
    ["openai-compatible/m", "no url", "openai-chat"],
  ])("%s at %s speaks %s", (model, baseUrl, name) => {
    expect(dialectFor(model, baseUrl).name).toBe(name);
  });

  test("an agent names the dialect of a server that neither host nor model show", () => {
    const chosen = dialectFor("openai-compatible/m", "http://127.0.0.1:1", { hsafa: { dialect: "mistral" } });
    expect(chosen.name).toBe("mistral");
    const unknown = dialectFor("openai-compatible/m", undefined, { hsafa: { dialect: "constructor" } });
    expect(unknown.name).toBe("openai-chat");
  });
});

describe("what only its maker may read", () => {
  const model = "anthropic/claude-a";

  test("thinking goes back signed to the model and account that made it, and as text to every other", () => {
    const conversation = [user("hi"), thought(origin(model)), user("and?")];
    expect(said(model, conversation).messages[1]?.content).toMatchObject([{ type: "reasoning" }, { type: "text" }]);
    const asText = [
      { type: "text", text: "Hm." },
      { type: "text", text: "hello" },
    ];
    expect(said(model, conversation, { account: "a2" }).messages[1]?.content).toEqual(asText);
    expect(said("anthropic/claude-b", conversation).messages[1]?.content).toEqual(asText);
  });

  test("thinking that had to be changed loses its signature, which would no longer fit", () => {
    const half: Message = {
      role: "assistant",
      content: [
        {
          type: "reasoning",
          text: "half \ud83d",
          providerOptions: { anthropic: { signature: "S" }, hsafa: { ...origin(model) } },
        },
      ],
    };
    expect(said(model, [user("hi"), half, user("and?")]).messages[1]?.content).toEqual([
      { type: "text", text: "half \ufffd" },
    ]);
  });
});

describe("calls", () => {
  test("a cut call gets a result that says so, and a result without its call is left out", () => {
    const { messages } = said("openai/gpt-5-x", [user("hi"), called("c1"), user("and?"), answered("c2")]);
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "user"]);
    expect(JSON.stringify(messages[2])).toContain("interrupted");
  });

  test("Mistral gets ids of nine characters, the same for a call and its result, and a word before the user's", () => {
    const id = "019abc00-0000-7000-8000-000000000001";
    const { messages } = said("openai-compatible/mistral-large", [user("hi"), called(id), answered(id), user("and?")]);
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant", "user"]);
    const ids = [...JSON.stringify(messages).matchAll(/"toolCallId":"([^"]*)"/g)].map((match) => match[1]);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[A-Za-z0-9]{9}$/);
  });

  test("a thinking DeepSeek gets a reason with each call, and no two calls have the same", () => {
    const conversation = [user("hi"), called("c1"), answered("c1"), called("c2"), answered("c2")];
    const { messages } = said("openai-compatible/deepseek-reasoner", conversation);
    expect(messages[1]?.content).toMatchObject([{ type: "reasoning", text: 'I call look with {"q":1}' }, {}]);
    expect(JSON.stringify(said("openai-compatible/deepseek-chat", conversation))).not.toContain("reasoning");
  });

  test("an agent without tools tells Anthropic of earlier calls in words", () => {
    const { messages } = said("anthropic/claude-a", [user("hi"), called("c1"), answered("c1"), user("and?")], {
      hasTools: false,
    });
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "user"]);
    expect(JSON.stringify(messages)).toContain("[The tool look returned: seen]");
  });
});

describe("files", () => {
  const file = (data: string, mediaType: string): Message => ({
    role: "user",
    content: [
      { type: "text", text: "see" },
      { type: "file", data, mediaType, filename: "notes" },
    ],
  });

  test("a file that the model does not take is named in its place, and for the run's facts", () => {
    const { messages, leftOut } = said("openai-compatible/deepseek-chat", [file("iVBORw0KGgo=", "image/png")]);
    expect(JSON.stringify(messages)).toContain("notes of type image/png is left out");
    expect(leftOut).toEqual([{ reason: "unsupported", what: "notes (image/png)" }]);
  });

  test("a text file is read to a model that takes no files", () => {
    const { messages, leftOut } = said("openai/gpt-5-x", [file("aGVsbG8=", "text/markdown")]);
    expect(JSON.stringify(messages)).toContain("hello");
    expect(leftOut).toEqual([]);
  });

  test("an address that only the gateway's machine could read is never sent", () => {
    expect(JSON.stringify(said("openai/gpt-5-x", [file("file:///etc/passwd", "image/png")]))).not.toContain("passwd");
  });
});
