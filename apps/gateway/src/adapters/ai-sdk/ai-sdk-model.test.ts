import { expect, test } from "vitest";
import { CHAT_API_KEY, startChatProvider } from "../../../test/support/chat-provider.ts";
import { chatChunk, chatEnd, HOLD } from "../../../test/support/fake-provider-server.ts";
import { inShort, withWholeTexts } from "../../../test/support/played-step.ts";
import { FRAMES_PER_TURN, JOINED_FRAME_SIZE } from "./limits.ts";

test("text and reasoning arrive, and again as the message to append", async () => {
  const { step, server } = await startChatProvider({
    chunks: [
      chatChunk({ role: "assistant", reasoning_content: "Hm" }),
      chatChunk({ reasoning_content: "mm." }),
      chatChunk({ content: "Hel" }),
      chatChunk({ content: "lo" }),
      chatEnd(),
    ],
  });
  const { parts, outcome } = await step({
    system: "Be brief.",
    settings: { temperature: 0.5, maxOutputTokens: 100, stopSequences: ["END"] },
  });
  expect(inShort(withWholeTexts(parts))).toEqual([
    "reasoning.start p0",
    'reasoning.delta p0 "Hmmm."',
    "reasoning.end p0",
    "text.start p1",
    'text.delta p1 "Hello"',
    "text.end p1",
  ]);
  expect(outcome).toEqual({
    kind: "finished",
    finishReason: "stop",
    messages: [
      {
        role: "assistant",
        content: [
          { type: "reasoning", text: "Hmmm." },
          { type: "text", text: "Hello" },
        ],
      },
    ],
    calls: [],
    usage: { inputTokens: 11, outputTokens: 7, totalTokens: 18, reasoningTokens: 3, cachedInputTokens: 5 },
  });
  expect(server.requests[0]?.body).toMatchObject({
    model: "fake-1",
    stream: true,
    temperature: 0.5,
    max_tokens: 100,
    stop: ["END"],
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "hello" },
    ],
  });
  expect(server.requests[0]?.body).not.toHaveProperty("tools");
  expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${CHAT_API_KEY}`);
});

test("a letter of several bytes cut in two by the network arrives whole", async () => {
  const bytes = Buffer.from(chatChunk({ content: "grüße 🦊 漢字" }));
  const { step } = await startChatProvider({
    chunks: [...Array.from(bytes, (byte) => Uint8Array.of(byte)), chatEnd()].flatMap((chunk, index) =>
      index % 20 === 0 ? [chunk, { pauseMs: 1 }] : [chunk],
    ),
  });
  const { outcome } = await step();
  expect(outcome).toMatchObject({ messages: [{ content: [{ type: "text", text: "grüße 🦊 漢字" }] }] });
});

test("part ids that a provider uses twice in one answer become different ids", async () => {
  const { step } = await startChatProvider({
    chunks: [
      chatChunk({ reasoning_content: "a" }),
      chatChunk({ content: "b" }),
      chatChunk({ reasoning_content: "c" }),
      chatChunk({ content: "d" }),
      chatEnd(),
    ],
  });
  const { parts } = await step();
  const started = parts.flatMap((part) => (part.kind !== "tool_input" && part.at === "start" ? [part.partId] : []));
  expect(started).toEqual(["p0", "p1", "p2", "p3"]);
});

test("an answer with nothing in it adds no message", async () => {
  const { step } = await startChatProvider({ chunks: [chatEnd("length")] });
  expect((await step()).outcome).toMatchObject({ kind: "finished", finishReason: "length", messages: [], calls: [] });
});

test("images and files reach the provider, and the gateway fetches no URL that a user names", async () => {
  const { step, server } = await startChatProvider({ chunks: [chatChunk({ content: "a dot" }), chatEnd()] });
  const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
  const { outcome } = await step({
    messages: [
      {
        role: "user",
        content: [
          { type: "text", text: "what is it?" },
          { type: "image", image: dot },
          { type: "image", image: "http://127.0.0.1:1/never-fetched.png" },
          { type: "file", data: `data:image/png;base64,${dot}`, mediaType: "image/png" },
        ],
      },
    ],
  });
  expect(outcome.kind).toBe("finished");
  expect(server.requests[0]?.body.messages).toEqual([
    {
      role: "user",
      content: [
        { type: "text", text: "what is it?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${dot}` } },
        { type: "image_url", image_url: { url: "http://127.0.0.1:1/never-fetched.png" } },
        { type: "image_url", image_url: { url: `data:image/png;base64,${dot}` } },
      ],
    },
  ]);
});

test("a stream that only pings counts as silent", async () => {
  const pings = Array.from({ length: 40 }, () => [": ping\n\n", chatChunk({}), { pauseMs: 10 }]).flat();
  const { step, server } = await startChatProvider({ chunks: [chatChunk({ content: "Hel" }), ...pings, HOLD] });
  const { parts, outcome } = await step({ idleTimeoutMs: 100 });
  expect(inShort(parts)).toEqual(["text.start p0", 'text.delta p0 "Hel"']);
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "idle" } });
  await server.clientClosed;
});

test("a model that is slow but speaks does not count as silent", async () => {
  const slow = Array.from({ length: 8 }, () => [chatChunk({ content: "." }), { pauseMs: 60 }]).flat();
  const { step } = await startChatProvider({ chunks: [...slow, chatEnd()] });
  expect((await step({ idleTimeoutMs: 200 })).outcome).toMatchObject({ kind: "finished" });
});

test("a provider that never answers counts as silent", async () => {
  const { step } = await startChatProvider();
  const { outcome } = await step({ idleTimeoutMs: 50 });
  expect(outcome).toMatchObject({ kind: "failed", failure: { kind: "idle" } });
});

test("nothing is read while the recipient lacks capacity, and that pause is not taken for silence", async () => {
  const { step } = await startChatProvider({
    chunks: [chatChunk({ content: "one" }), chatChunk({ content: "two" }), chatEnd()],
  });
  let heard = 0;
  let heardAtPause = -1;
  const { outcome } = await step({
    idleTimeoutMs: 100,
    onPart: () => {
      heard += 1;
    },
    waitForCapacity: () => {
      if (heard !== 2) return undefined;
      heardAtPause = heard;
      return new Promise((resolve) => {
        setTimeout(() => {
          expect(heard).toBe(heardAtPause);
          heard += 1;
          resolve();
        }, 350);
      });
    },
  });
  expect(heardAtPause).toBe(2);
  expect(outcome).toMatchObject({ kind: "finished", messages: [{ content: [{ text: "onetwo" }] }] });
});

const oneByOne = (text: string): readonly string[] => text.match(/[^]*?\n\n/g) ?? [];

test.each([
  { frames: 1000, come: "in one piece", words: ["x", "y"], piecesOf: (text: string) => [text], size: 1 },
  { frames: 1000, come: "in a piece each", words: ["x", "y"], piecesOf: oneByOne, size: 1 },
  {
    frames: 12,
    come: "in pieces of a character",
    words: ["x", "y"],
    piecesOf: (text: string) => text.split(""),
    size: 1,
  },
  { frames: 8000, come: "in one piece", words: ["x"], piecesOf: (text: string) => [text], size: JOINED_FRAME_SIZE },
])("$frames frames that come $come are read in slices, and each slice in its turn", async (given) => {
  const { frames, words, piecesOf, size } = given;
  // Frames of other kinds than the one before it are not joined to it.
  const chunks = words.map((word, place) => chatChunk({ [place === 0 ? "content" : "reasoning_content"]: word }));
  const pieces = piecesOf(Array.from({ length: frames }, (_, at) => chunks[at % chunks.length] ?? "").join(""));
  const { step } = await startChatProvider({ chunks: [...pieces, chatEnd()] });
  let sinceTurn = 0;
  let turns = 0;
  let most = 0;
  let text = "";
  const { outcome } = await step({
    idleTimeoutMs: 500,
    onPart: (part) => {
      if (part.kind === "text" && part.at === "delta") text += part.text;
      sinceTurn += 1;
      most = Math.max(most, sinceTurn);
    },
    // Longer in all than the model may be silent.
    nextTurn: async () => {
      turns += 1;
      await new Promise((resolve) => setTimeout(resolve, 10));
      sinceTurn = 0;
    },
  });
  expect(outcome).toMatchObject({ kind: "finished" });
  expect(text).toBe("x".repeat(frames / words.length));
  expect(turns).toBeGreaterThanOrEqual(Math.floor((frames * size) / FRAMES_PER_TURN));
  // A frame of another kind ends a part, begins one, and adds to it.
  expect(most).toBeLessThanOrEqual(4 * FRAMES_PER_TURN);
});

test("an abort within a step settles at once, passes nothing more on and closes the socket", async () => {
  const { step, server } = await startChatProvider({
    chunks: [chatChunk({ content: "one" }), chatChunk({ content: "two" }), HOLD],
  });
  const abort = new AbortController();
  let after = 0;
  const { outcome } = await step({
    signal: abort.signal,
    onPart: () => {
      if (abort.signal.aborted) after += 1;
      else abort.abort();
    },
  });
  expect(outcome).toEqual({ kind: "aborted" });
  expect(after).toBe(0);
  await server.clientClosed;
});

test("a call aborted before it began makes no request", async () => {
  const { step, server } = await startChatProvider({ chunks: [chatEnd()] });
  expect((await step({ signal: AbortSignal.abort() })).outcome).toEqual({ kind: "aborted" });
  expect(server.requests).toHaveLength(0);
});
