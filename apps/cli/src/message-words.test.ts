import { expect, test } from "vitest";
import { messageWords } from "./message-words.ts";

test("a message is one line for a person: its texts, its files by their names, its calls and their results", () => {
  expect(messageWords({ role: "user", content: "hi" })).toBe("hi");
  const file = { type: "file", fileId: "f", mediaType: "image/jpeg" } as const;
  expect(
    messageWords({
      role: "user",
      content: [
        { type: "text", text: "see" },
        { ...file, filename: "a.jpg" },
      ],
    }),
  ).toBe("see [a.jpg]");
  expect(messageWords({ role: "user", content: [file] })).toBe("[image/jpeg]");
  const call = { type: "tool-call", toolCallId: "c", toolName: "look", input: { at: "x" } } as const;
  const thought = { type: "reasoning", text: "I should look." } as const;
  expect(messageWords({ role: "assistant", content: [thought, { type: "text", text: "Let me." }, call] })).toBe(
    'Let me. [-> look {"at":"x"}]',
  );
  const output = { type: "json", value: { sun: 1 } } as const;
  expect(
    messageWords({ role: "tool", content: [{ type: "tool-result", toolCallId: "c", toolName: "look", output }] }),
  ).toBe('[<- look {"sun":1}]');
});
