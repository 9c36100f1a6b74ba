import type { JsonObject, Message } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { startChatProvider, toolCallChunk } from "../../../../test/support/chat-provider.ts";
import { chatChunk, chatEnd } from "../../../../test/support/fake-provider-server.ts";
import { REASONING_DETAILS_MAX } from "../limits.ts";
import { openaiChat } from "./chat.ts";
import { joinedDetails, withReasoningDetails } from "./reasoning-details.ts";
import type { Origin } from "./origin.ts";
import { turnsOf } from "./turn.ts";

const origin: Origin = { provider: "openai-compatible", model: "openai-compatible/m", account: "a1" };
const sealed: JsonObject = { type: "reasoning.encrypted", data: "SEALED", index: 1 };
const text = (words: string, more: JsonObject = {}): JsonObject => ({
  type: "reasoning.text",
  text: words,
  index: 0,
  ...more,
});

test("fragments of one detail are joined, with the signature that comes last, and others stay apart", () => {
  const list = [[text("I ")], [text("look.", { signature: null })], [text("", { signature: "S" }), sealed], [sealed]];
  expect(list.reduce<JsonObject[]>(joinedDetails, [])).toEqual([text("I look.", { signature: "S" }), sealed, sealed]);
});

const step: Message = {
  role: "assistant",
  content: [
    { type: "reasoning", text: "I look." },
    { type: "text", text: "Let me see." },
  ],
};

function toldTo(listener: Origin): string {
  const messages = withReasoningDetails([step], [sealed], origin);
  const turns = turnsOf([{ role: "user", content: "hi" }, ...messages]);
  return JSON.stringify(
    openaiChat.say(turns, { origin: listener, modelId: "m", providerTools: [], hasTools: false, providerOptions: {} }),
  );
}

test("details are for the model and the account that made them", () => {
  expect(toldTo(origin)).toContain("SEALED");
  expect(toldTo({ ...origin, model: "openai-compatible/other" })).not.toContain("SEALED");
  expect(toldTo({ ...origin, account: "a2" })).not.toContain("SEALED");
});

test("a step that is only a thought has nobody to bear its details", () => {
  const thought: Message = { role: "assistant", content: [{ type: "reasoning", text: "Hm." }] };
  expect(withReasoningDetails([thought], [sealed], origin)).toEqual([thought]);
});

test("too many details are not kept, and the step is whole (R9)", async () => {
  const details = Array.from({ length: REASONING_DETAILS_MAX + 1 }, (_, index) => ({ ...sealed, index }));
  const { step: ask } = await startChatProvider({
    chunks: [
      chatChunk({ reasoning_details: details }),
      toolCallChunk(0, { id: "c", name: "look", arguments: "{}" }),
      chatEnd("tool_calls"),
    ],
  });
  const { outcome } = await ask();
  expect(outcome).toMatchObject({ kind: "finished", calls: [{ toolName: "look" }] });
  expect(JSON.stringify(outcome)).not.toContain("SEALED");
});
