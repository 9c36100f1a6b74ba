import { expect, test } from "vitest";
import { failureMessage, deepestMessage } from "./failure-message.ts";
import { FAILURE_MESSAGE_CHARACTERS_MAX } from "./limits.ts";

test("a long message is cut at the bound, and shows that it was cut (R9)", () => {
  const whole = "x".repeat(FAILURE_MESSAGE_CHARACTERS_MAX);
  expect(failureMessage(whole)).toBe(whole);
  expect(failureMessage(`${whole}y`)).toBe(`${whole}…`);
});

test("the reason of a failure is the message of its innermost cause", () => {
  const cause = new Error("connect ECONNREFUSED");
  expect(deepestMessage(new Error("outer", { cause: new Error("fetch failed", { cause }) }))).toBe(cause.message);
  expect(deepestMessage("a text that was thrown")).toBe("a text that was thrown");
});
