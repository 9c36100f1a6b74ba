/** Words that pass a provider's package by keep their place among all that goes through it. */
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { chatChunk, chatEnd, sse } from "../../../../test/support/fake-provider-server.ts";
import { toolCallChunk, WEATHER_TOOL } from "../../../../test/support/chat-provider.ts";
import { type PlayedStep, stepper } from "../../../../test/support/played-step.ts";
import type { Growth } from "./wire-format.ts";
import { WordShortcut } from "./word-shortcut.ts";

afterEach(() => vi.restoreAllMocks());

const growth = (part: string, words: string): Growth => ({ part, words, isSpeech: true, withWords: () => ({}) });
const delta = (text: string) => ({ type: "text-delta", id: "t", delta: text }) as const;

describe("words pass by", () => {
  test("once the package has returned those before them", () => {
    const shortcut = new WordShortcut();
    expect(shortcut.partOf(growth("text", "a"))).toBeNull();
    shortcut.gave(growth("text", "a"), false);
    shortcut.gave(growth("text", "a"), false);
    shortcut.returned(delta("a"));
    expect(shortcut.partOf(growth("text", "b")), "the second is still within the package").toBeNull();
    shortcut.returned(delta("a"));
    expect(shortcut.partOf(growth("text", "b"))).toEqual(delta("b"));
    expect(shortcut.partOf(growth("reasoning", "b")), "the package has to open another part").toBeNull();
  });

  test("not behind a frame that the package was given after them", () => {
    const shortcut = new WordShortcut();
    shortcut.gave(growth("text", "a"), false);
    shortcut.returned(delta("a"));
    shortcut.gave(null, true);
    expect(shortcut.partOf(growth("text", "b"))).toBeNull();
  });

  test("not for a part of which the package has shown nothing", () => {
    const shortcut = new WordShortcut();
    shortcut.gave(growth("reasoning", "hm"), false);
    shortcut.returned({ type: "reasoning-delta", id: "r", delta: "hm" });
    shortcut.gave(growth("text", ""), false);
    expect(shortcut.partOf(growth("text", "b"))).toBeNull();
  });

  test("never again after a frame that holds words among other things", () => {
    const shortcut = new WordShortcut();
    shortcut.gave(null, false);
    shortcut.gave(growth("text", "a"), false);
    shortcut.returned(delta("a"));
    expect(shortcut.partOf(growth("text", "a"))).toBeNull();
  });
});

const ACCESS = { apiKey: "test-key-of-nobody", baseUrl: "http://model.invalid" };

interface Api {
  readonly model: string;
  readonly opening: readonly string[];
  readonly closing: readonly string[];
  /** A frame of a kind, with these words. */
  readonly frames: Readonly<Record<string, (words: string) => string>>;
}

const gemini = (parts: readonly object[], more: object = {}) => sse({ candidates: [{ content: { parts } }], ...more });
const block = (index: number, type: string, fields: object) =>
  sse({ type: "content_block_delta", index, delta: { type, ...fields } });
const item = (type: string, delta_: string) =>
  sse({ type, item_id: "msg_1", output_index: 0, content_index: 0, delta: delta_ });

const apis: Readonly<Record<string, Api>> = {
  "chat completions": {
    model: "openai-compatible/m",
    opening: [chatChunk({ role: "assistant", content: "" })],
    closing: [chatEnd()],
    frames: {
      text: (content) => chatChunk({ content }),
      reasoning: (reasoning_content) => chatChunk({ reasoning_content }),
      both: (words) => chatChunk({ content: words, reasoning_content: words }),
      call: (words) =>
        toolCallChunk(0, { id: "c", name: "get_weather", arguments: JSON.stringify(words).slice(1, -1) }),
      counts: () => chatChunk({}, {}),
      comment: () => ": PROCESSING\n\n",
    },
  },
  "OpenAI's Responses": {
    model: "openai/m",
    opening: [
      sse({
        type: "response.created",
        response: { id: "r", created_at: 1, model: "m", object: "response", output: [] },
      }),
      sse({
        type: "response.output_item.added",
        output_index: 0,
        item: { type: "message", id: "msg_1", role: "assistant", content: [], status: "in_progress" },
      }),
    ],
    closing: [sse({ type: "response.completed", response: { usage: { input_tokens: 1, output_tokens: 1 } } })],
    frames: {
      text: (words) => item("response.output_text.delta", words),
      refusal: (words) => item("response.refusal.delta", words),
      unknown: () => sse({ type: "response.new_thing", x: 1 }),
      part: () => sse({ type: "response.content_part.added", item_id: "msg_1", output_index: 0, content_index: 0 }),
    },
  },
  "Anthropic's Messages": {
    model: "anthropic/m",
    opening: [
      sse({ type: "message_start", message: { id: "m", model: "m", role: "assistant", content: [], usage: {} } }),
      sse({ type: "content_block_start", index: 0, content_block: { type: "thinking", thinking: "" } }),
      sse({ type: "content_block_start", index: 1, content_block: { type: "text", text: "" } }),
    ],
    closing: [
      sse({ type: "content_block_stop", index: 0 }),
      sse({ type: "content_block_stop", index: 1 }),
      sse({ type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 7 } }),
      sse({ type: "message_stop" }),
    ],
    frames: {
      text: (text) => block(1, "text_delta", { text }),
      thinking: (thinking) => block(0, "thinking_delta", { thinking }),
      signature: (signature) => block(0, "signature_delta", { signature }),
      ping: () => sse({ type: "ping" }, "ping"),
    },
  },
  "Google's Gemini": {
    model: "google/m",
    opening: [],
    closing: [sse({ candidates: [{ content: { parts: [] }, finishReason: "STOP" }] })],
    frames: {
      text: (text) => gemini([{ text }]),
      thought: (text) => gemini([{ text, thought: true }]),
      counted: (text) => gemini([{ text }], { usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1 } }),
      several: (text) => gemini([{ text }, { text, thought: true }, { text }]),
    },
  },
};

/** Plays frames, with a pause of so many turns of the event loop before each. */
function play(model: string, frames: readonly string[], turns: readonly number[]): Promise<PlayedStep> {
  const body = async function* () {
    for (const [at, frame] of frames.entries()) {
      for (let turn = turns[at % turns.length] ?? 0; turn > 0; turn -= 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      yield new TextEncoder().encode(frame);
    }
  };
  const fetch = () => Promise.resolve(new Response(ReadableStream.from(body())));
  const settings = { openai: ACCESS, anthropic: ACCESS, google: ACCESS, openaiCompatible: ACCESS, fetch };
  return stepper(settings)(model, { tools: [WEATHER_TOOL] });
}

/** What a watcher sees, whatever the pieces that it came in. */
function shownBy({ parts, outcome }: PlayedStep): unknown {
  const shown: unknown[] = [];
  let text = "";
  for (const part of parts) {
    if (part.at === "delta") {
      text += part.text;
      continue;
    }
    shown.push(text, part);
    text = "";
  }
  return [shown, text, outcome];
}

describe("an answer is the same whether or not its words pass the package by", () => {
  test.each(Object.entries(apis))(
    "%s",
    async (_, { model, opening, closing, frames }) => {
      const passed = vi.spyOn(WordShortcut.prototype, "partOf");
      const kinds = Object.keys(frames);
      const first = kinds[0] ?? "";
      const frame = fc.record({
        kind: fc.oneof(fc.constant(first), fc.constant(first), fc.constantFrom(...kinds)),
        // Few words, so that those within the package are often as many as those that it returned.
        words: fc.constantFrom("a", "a", "b", "ü ", "🎲", "12"),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(frame, { maxLength: 20 }),
          fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }),
          async (chosen, turns) => {
            const middle = chosen.map(({ kind, words }) => frames[kind]?.(words) ?? "");
            const all = [...opening, ...middle, ...closing];
            const paced = shownBy(await play(model, all, turns));
            expect(paced).toEqual(shownBy(await play(model, [all.join("")], [0])));
          },
        ),
        { numRuns: 150 },
      );
      const taken = passed.mock.results.filter(({ value }) => value !== null);
      expect(taken.length, "how many frames passed by").toBeGreaterThan(100);
    },
    60_000,
  );
});
