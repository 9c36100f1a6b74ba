import type { RunEvent } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AN_ACTOR } from "../support/an-actor.ts";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";
import { startTestGateway } from "../support/test-gateway.ts";

const PRICE = { input: 0, output: 1_000_000 };
/** Every step says three words in some tokens and asks a person, who never answers; or it says them for ever. */
const STEP = [{ say: "one two three" }, { call: "lookup", args: {} }];
const LOOP = `demo: ${JSON.stringify({ steps: [STEP], loop: true })}`;
const ASK = `demo: ${JSON.stringify([[{ call: "ask", args: {} }]])}`;
const HANG = `demo: ${JSON.stringify([[{ say: "half a" }, { hang: true }]])}`;

const tools = [
  { name: "ask", target: "external" as const, inputSchema: { type: "object" } },
  { name: "lookup", server: { type: "function" as const }, inputSchema: { type: "object" } },
];
const options = {
  env: { HSAFA_MODEL_PRICES: JSON.stringify({ "demo/script": PRICE }) },
  functions: { lookup: async () => "found" },
};

describe.each(GATEWAY_PAIRS)("limits of runs, %s", (_name, open, isSkipped) => {
  let pair: GatewayPair;
  beforeAll(async () => {
    if (isSkipped) return;
    pair = await open(options);
    const limits = { tokens: 1000, costUsd: 500, toolCalls: 50, wallTimeMs: 600_000 };
    await pair.a.pushAgent({ name: "limited", model: "demo/script", maxSteps: 30, limits, tools });
  });
  afterAll(async () => {
    if (!isSkipped) await pair.close();
  });

  const ends = async (limits: object, input: string) => {
    const { runId } = await pair.a.startRun({ agent: "limited", input, limits });
    const run = await pair.b.waitForEnd(runId);
    return { run, events: await pair.b.events(runId) };
  };
  const countOf = (events: readonly RunEvent[], type: string): number =>
    events.filter((event) => event.type === type).length;

  test.skipIf(isSkipped)("tokens: no step begins once they are used, and the limits stand in the run", async () => {
    const { run, events } = await ends({ tokens: 10 }, LOOP);
    const { totalTokens = 0, inputTokens = 0, outputTokens = 0 } = run.usage;
    const used = totalTokens || inputTokens + outputTokens;
    expect(run).toMatchObject({
      status: "failed",
      error: { code: "limit_exceeded", data: { limit: "tokens", max: 10, used } },
      limits: { maxSteps: 30, tokens: 10, costUsd: 500, toolCalls: 50, wallTimeMs: 600_000 },
    });
    const steps = events.flatMap((event) => (event.type === "step.completed" ? [event.data.usage] : []));
    const before = steps.slice(0, -1).reduce((sum, usage) => sum + (usage.totalTokens ?? 0), 0);
    expect(before).toBeLessThan(10);
    expect(countOf(events, "tool.dispatched")).toBe(steps.length - 1);
  });

  test.skipIf(isSkipped)("cost: each step says what it cost, and the sum ends the run", async () => {
    const { run, events } = await ends({ costUsd: 5 }, LOOP);
    expect(run.error).toMatchObject({ code: "limit_exceeded", data: { limit: "costUsd", max: 5 } });
    const costs = events.flatMap((event) => (event.type === "step.completed" ? [event.data.usage.costUsd] : []));
    expect(costs.every((cost) => cost !== undefined && cost > 0)).toBe(true);
    expect(run.usage.costUsd).toBe(run.usage.outputTokens);
  });

  test.skipIf(isSkipped)("tool calls, and steps under their own name", async () => {
    const calls = await ends({ toolCalls: 2 }, LOOP);
    expect(calls.run.error).toMatchObject({ code: "limit_exceeded", data: { limit: "toolCalls", max: 2, used: 3 } });
    expect(countOf(calls.events, "tool.dispatched")).toBe(2);
    const steps = await ends({ maxSteps: 2 }, LOOP);
    expect(steps.run).toMatchObject({
      steps: 2,
      error: { code: "max_steps_reached", data: { limit: "maxSteps", max: 2, used: 2 } },
    });
  });

  test.skipIf(isSkipped)("time: a run that waits, and one whose model hangs, end when it is over", async () => {
    const [waits, hangs] = await Promise.all([ends({ wallTimeMs: 4000 }, ASK), ends({ wallTimeMs: 4000 }, HANG)]);
    for (const { run } of [waits, hangs]) {
      expect(run.error).toMatchObject({ code: "limit_exceeded", data: { limit: "wallTimeMs", max: 4000 } });
      const tookMs = Date.parse(run.completedAt ?? "") - Date.parse(run.startedAt ?? "");
      expect(tookMs).toBeGreaterThanOrEqual(4000);
      expect(tookMs).toBeLessThan(14_000);
    }
    const settled = waits.events.filter(({ type }) => type === "tool.failed").map(({ data }) => data);
    expect(settled).toMatchObject([{ error: { code: "canceled" } }]);
    expect(hangs.events.at(-2)).toMatchObject({ type: "step.discarded" });
  });

  test.skipIf(isSkipped)("a start that would widen a limit is refused, and nothing is started", async () => {
    const body = { agent: "limited", input: ASK, limits: { tokens: 1001, maxSteps: 30 } };
    const problem = expectProblem(await pair.a.call("POST", "/api/runs", body), 400, "invalid_request");
    expect(problem.errors).toEqual([
      { path: "limits.tokens", message: expect.stringContaining("which is 1000") as unknown },
    ]);
    const none = await pair.a.call("POST", "/api/runs", { ...body, limits: { tokens: 0 } });
    expectProblem(none, 400, "invalid_request");
  });
});

test("a table of prices that cannot be meant keeps the gateway from starting, and says why", async () => {
  const starting = startTestGateway({ env: { HSAFA_MODEL_PRICES: '{"gpt": {"input": 1}}' } });
  await expect(starting).rejects.toThrow(/HSAFA_MODEL_PRICES must be JSON like .*'gpt/);
});

test("a cost limit without a price is refused at the push, and at the start once the table has lost it", async () => {
  const gateway = await startTestGateway();
  try {
    const config = { name: "costly", model: "demo/echo", limits: { costUsd: 1 } };
    const push = await gateway.call("POST", "/api/agents", { name: "costly", config });
    expect(expectProblem(push, 422, "invalid_agent_config").errors).toMatchObject([{ path: "config.limits.costUsd" }]);

    await gateway.pushAgent({ name: "free", model: "demo/echo" });
    const asked = await gateway.call("POST", "/api/runs", { agent: "free", input: "hi", limits: { costUsd: 1 } });
    expect(expectProblem(asked, 400, "invalid_request").errors).toMatchObject([{ path: "limits.costUsd" }]);

    // As an earlier gateway with a price took it.
    const { store } = gateway.gateway;
    const key = { tenantName: "default", name: "again", keyHash: "0".repeat(64), scopes: ["admin"] as const };
    const { tenantId } = await store.fleet.ensureApiKey(key);
    await store.forTenant(tenantId).pushAgent({
      by: AN_ACTOR,
      name: "costly",
      description: null,
      version: null,
      config,
      configHash: "costly",
      promote: true,
    });
    const start = await gateway.call("POST", "/api/runs", { agent: "costly", input: "hi" });
    const problem = expectProblem(start, 422, "invalid_agent_config");
    expect(problem.errors).toMatchObject([
      { path: "agent", message: expect.stringContaining("no price of 'demo/echo'") as unknown },
    ]);
  } finally {
    await gateway.close();
  }
});
