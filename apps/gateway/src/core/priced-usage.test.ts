import { expect, test } from "vitest";
import { addUsage } from "./add-usage.ts";
import { pricedUsage } from "./priced-usage.ts";

const price = { input: 2, output: 10, cachedInput: 0.5 };

test("input, output and cached input have prices of their own, per million tokens", () => {
  const usage = { inputTokens: 1_000_000, cachedInputTokens: 400_000, outputTokens: 100_000, reasoningTokens: 50_000 };
  expect(pricedUsage(usage, price)).toEqual({ ...usage, costUsd: 0.6 * 2 + 0.4 * 0.5 + 1 });
  expect(pricedUsage(usage, { input: 2, output: 10 })).toEqual({ ...usage, costUsd: 3 });
});

test("without a price, or without any count, nothing is said of the cost", () => {
  expect(pricedUsage({ inputTokens: 5 }, undefined)).toEqual({ inputTokens: 5 });
  expect(pricedUsage({}, price)).toEqual({});
});

test("a provider that reports nonsense costs no less than nothing, and its cache no more than its input", () => {
  expect(pricedUsage({ inputTokens: -5, outputTokens: -5 }, price).costUsd).toBe(0);
  expect(pricedUsage({ inputTokens: 10, cachedInputTokens: 99 }, price).costUsd).toBe(0.000_005);
  expect(pricedUsage({ totalTokens: 1_000_000, outputTokens: 500_000 }, price).costUsd).toBe(6);
});

test("costs of steps add up without the dust of binary fractions", () => {
  expect(addUsage({ costUsd: 0.1 }, { costUsd: 0.2 })).toEqual({ costUsd: 0.3 });
  expect(addUsage({ inputTokens: 1 }, {})).toEqual({ inputTokens: 1 });
});
