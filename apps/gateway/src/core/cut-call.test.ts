import { expect, test } from "vitest";
import { isCutCall } from "./cut-call.ts";

test.each([
  ["whole", true, "tool-calls", false],
  ["whole", true, "stop", false],
  ["nothing", true, "tool-calls", false],
  ["partly", true, "tool-calls", true],
  ["partly", false, "stop", true],
  ["whole", true, "length", true],
  ["whole", false, "length", false],
  ["nothing", true, "length", true],
  ["nothing", false, "length", false],
  ["whole", true, "content-filter", true],
  ["whole", true, "other", false],
  ["nothing", true, "other", true],
  ["nothing", true, "error", true],
] as const)("a call written %s (the last: %s) of an answer that ended with %s is cut: %s", (...row) => {
  const [written, isLast, finishReason, cut] = row;
  expect(isCutCall({ written, isLast, finishReason })).toBe(cut);
});
