import { expect, test } from "vitest";
import { costFaults, startFaults } from "./start-faults.ts";

const prices = new Map([["openai/a", { input: 1, output: 1 }]]);
const none = new Map<string, never>();

test("a start that would widen its agent's limits is told what the agent allows", () => {
  const terms = { model: "openai/a", limits: { tokens: 10 } };
  expect(startFaults(terms, { tokens: 11, maxSteps: 200 }, none)).toEqual([
    expect.objectContaining({ path: "limits.maxSteps", message: expect.stringContaining("which is 20") as unknown }),
    expect.objectContaining({ path: "limits.tokens", message: expect.stringContaining("which is 10") as unknown }),
  ]);
  expect(startFaults(terms, { tokens: 10 }, none)).toEqual([]);
});

test("a limit on the cost needs a price, whether the start or the agent sets it", () => {
  const free = { model: "openai/a" };
  expect(startFaults(free, { costUsd: 1 }, prices)).toEqual([]);
  expect(startFaults(free, { costUsd: 1 }, none)).toMatchObject([{ path: "limits.costUsd" }]);
  expect(startFaults({ ...free, limits: { costUsd: 1 } }, undefined, none)).toMatchObject([{ path: "agent" }]);
  expect(costFaults({ model: "demo/echo", path: "config.limits.costUsd", prices })).toMatchObject([
    { message: expect.stringContaining("no price of 'demo/echo'") as unknown },
  ]);
});
