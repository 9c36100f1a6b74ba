import { expect, test } from "vitest";
import { grantedLimits, widenedLimits } from "./granted-limits.ts";

test("of two limits the smaller one holds, and what neither names has no bound", () => {
  const terms = { maxSteps: 5, limits: { tokens: 100, wallTimeMs: 1000 } };
  expect(grantedLimits(terms, { maxSteps: 9, tokens: 50, toolCalls: 2 })).toEqual({
    maxSteps: 5,
    tokens: 50,
    wallTimeMs: 1000,
    toolCalls: 2,
  });
  expect(grantedLimits({})).toEqual({ maxSteps: 20 });
});

test("a limit that would be wider than the agent's is named, with what is allowed", () => {
  const terms = { limits: { tokens: 100 } };
  expect(widenedLimits(terms, { maxSteps: 21, tokens: 101, toolCalls: 1 })).toEqual([
    { name: "maxSteps", allowed: 20 },
    { name: "tokens", allowed: 100 },
  ]);
  expect(widenedLimits(terms, { maxSteps: 20, tokens: 100 })).toEqual([]);
});
