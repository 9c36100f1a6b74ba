import type { Message } from "@hsafa/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fitConversation } from "./fit-conversation.ts";
import { estimateTokens } from "./estimate-tokens.ts";

const text = fc.string({ maxLength: 200 });
const call = (toolCallId: string): Message => ({
  role: "assistant",
  content: [{ type: "tool-call", toolCallId, toolName: "t", input: {} }],
});
const result = (toolCallId: string, value: string): Message => ({
  role: "tool",
  content: [{ type: "tool-result", toolCallId, toolName: "t", output: { type: "text", value } }],
});

/** A user's message, then steps with and without a tool call. */
const exchange = fc
  .tuple(text, fc.array(fc.tuple(fc.boolean(), fc.string({ maxLength: 2000 })), { maxLength: 4 }))
  .map(([asked, steps]): Message[] => [
    { role: "user", content: asked },
    ...steps.flatMap(([calls, said], index): Message[] =>
      calls ? [call(`c${index}`), result(`c${index}`, said)] : [{ role: "assistant", content: said }],
    ),
  ]);
const past = fc
  .tuple(fc.boolean(), fc.array(exchange, { maxLength: 6 }))
  .map(([begins, exchanges]): Message[] => [
    ...(begins ? [{ role: "assistant", content: "hello" } as const] : []),
    ...exchanges.flat(),
  ]);
const params = fc.record({ past, own: exchange, tokensMax: fc.option(fc.integer({ min: 0, max: 3000 })) });

/** Whether each result stands directly behind its call, and no call lacks its result. */
function pairs(messages: readonly Message[]): boolean {
  return messages.every((message, index) => {
    const next = messages[index + 1];
    if (message.role === "tool") return messages[index - 1]?.role === "assistant";
    const calls = message.role === "assistant" && typeof message.content !== "string";
    return !calls || next?.role === "tool";
  });
}

test("whatever is left out, the rest is whole: what is shown of the past is its end, and begins with a user", () => {
  fc.assert(
    fc.property(params, (given) => {
      const { messages, leftOut } = fitConversation(given);
      const shown = messages.slice(0, messages.length - given.own.length);
      expect(shown).toEqual(given.past.slice(given.past.length - shown.length));
      expect(shown.length === given.past.length || shown.length === 0 || shown[0]?.role === "user").toBe(true);
      expect(pairs(messages)).toBe(true);
      expect(leftOut.length > 0).toBe(JSON.stringify(messages) !== JSON.stringify([...given.past, ...given.own]));
    }),
  );
});

test("the run's own messages are all shown; only older results of its tools may be replaced by a note", () => {
  fc.assert(
    fc.property(params, ({ past: before, own, tokensMax }) => {
      const { messages } = fitConversation({ past: before, own, tokensMax });
      const shown = messages.slice(-own.length);
      const lastStep = own.findLastIndex(({ role }) => role === "assistant");
      expect(shown.map(({ role }) => role)).toEqual(own.map(({ role }) => role));
      for (const [index, message] of own.entries()) {
        const mayBeShort = message.role === "tool" && index < lastStep;
        expect(mayBeShort || JSON.stringify(shown[index]) === JSON.stringify(message)).toBe(true);
      }
    }),
  );
});

test("the bound is kept, unless nothing more can be left out", () => {
  fc.assert(
    fc.property(params, (given) => {
      const fitted = fitConversation(given);
      expect(fitted.tokens).toBe(estimateTokens(fitted.messages));
      expect(fitted.isLeast || given.tokensMax === null || fitted.tokens <= given.tokensMax).toBe(true);
    }),
  );
});

test("no exchange is left out that would have fitted", () => {
  fc.assert(
    fc.property(
      fc.array(exchange, { minLength: 1, maxLength: 6 }),
      exchange,
      fc.nat(3000),
      (exchanges, own, tokensMax) => {
        const { messages } = fitConversation({ past: exchanges.flat(), own, tokensMax });
        const kept = exchanges.findIndex((_, index) => {
          const rest = [...exchanges.slice(index).flat(), ...own];
          return estimateTokens(rest) <= tokensMax;
        });
        const expected = kept === -1 ? [] : exchanges.slice(kept).flat();
        expect(messages.length - own.length).toBe(expected.length);
      },
    ),
  );
});
