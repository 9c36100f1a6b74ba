import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { freshDatabase, missingServices, redisUrl } from "../services/services.ts";
import { expectProblem } from "../support/expect-problem.ts";
import { GATEWAY_PAIRS, type GatewayPair } from "../support/gateway-pairs.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { until } from "../support/until.ts";

const SLEEPER = {
  name: "sleeper",
  model: "demo/script",
  tools: [{ name: "sleep", server: { type: "sleep" as const } }],
};
const sleepFor = (args: JsonObject): string =>
  `demo: ${JSON.stringify([[{ call: "sleep", args }], [{ say: "It says: {{result}}" }]])}`;

/** Starts a run that sleeps. On a busy machine a short sleep may be over before anybody looks at the run. */
async function asleep(gateway: TestGateway, args: JsonObject): Promise<string> {
  const { runId } = await gateway.startRun({ agent: "sleeper", input: sleepFor(args) });
  await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool" || status === "completed");
  return runId;
}

/** Checks that the run slept once, and not for less than it was to. */
async function sleptOnce(gateway: TestGateway, runId: string): Promise<void> {
  const run = await gateway.waitForEnd(runId);
  const [call, ...others] = await gateway.toolCalls(runId);
  expect(others).toEqual([]);
  const { wokeAt } = (call?.result ?? {}) as { wokeAt: string };
  expect(call).toMatchObject({ status: "completed", attempts: 1, source: "server", error: null, settledAt: wokeAt });
  expect(Date.parse(wokeAt)).toBeGreaterThanOrEqual(Date.parse(call?.deadline ?? ""));
  expect(run).toMatchObject({ status: "completed", steps: 2, output: `It says: {"wokeAt":"${wokeAt}"}` });
}

describe.each(GATEWAY_PAIRS)("a run that sleeps, %s", (_name, open, isSkipped) => {
  let pair: GatewayPair;
  beforeAll(async () => {
    if (isSkipped) return;
    pair = await open();
    await pair.a.pushAgent(SLEEPER);
  });
  afterAll(async () => {
    if (!isSkipped) await pair.close();
  });

  test.skipIf(isSkipped)("it parks until its time, and its events say until when", async () => {
    const runId = await asleep(pair.a, { durationMs: 700 });
    const events = await pair.b.events(runId);
    expect(events.filter(({ type }) => type === "run.waiting")).toHaveLength(1);
    expect(events.find(({ type }) => type === "tool.dispatched")).toMatchObject({
      data: { attempt: 1, sleeps: true, deadline: expect.any(String) as unknown },
    });
    await sleptOnce(pair.b, runId);
  });

  test.skipIf(isSkipped)("it sleeps until a time of any offset", async () => {
    const runId = await asleep(pair.a, { untilISO: new Date(Date.now() + 6000).toISOString().replace("Z", "+00:00") });
    await sleptOnce(pair.b, runId);
  });

  test.skipIf(isSkipped)("a cancel ends a sleep of a year at once", async () => {
    const runId = await asleep(pair.a, { durationMs: 365 * 24 * 3600 * 1000 });
    await pair.b.call("POST", `/api/runs/${runId}/cancel`, {});
    expect((await pair.b.waitForEnd(runId)).status).toBe("canceled");
    const [call] = await pair.b.toolCalls(runId);
    expect(call?.error).toEqual({ code: "canceled", message: "The run ended while it slept." });
  });

  test.skipIf(isSkipped)("the model reads what is wrong with a time that is past", async () => {
    const { runId } = await pair.a.startRun({
      agent: "sleeper",
      input: sleepFor({ untilISO: "2020-01-01T00:00:00Z" }),
    });
    const run = await pair.b.waitForEnd(runId);
    expect(run.output).toContain("That time is past. It is 2");
    expect((await pair.b.toolCalls(runId))[0]).toMatchObject({ status: "failed", error: { code: "invalid_args" } });
  });

  test.skipIf(isSkipped)("its time limit ends it while it sleeps", async () => {
    const input = sleepFor({ durationMs: 60_000 });
    const { runId } = await pair.a.startRun({ agent: "sleeper", input, limits: { wallTimeMs: 500 } });
    expect((await pair.b.waitForEnd(runId)).error).toMatchObject({ code: "limit_exceeded" });
  });

  test.skipIf(isSkipped)(
    "a config that wants more of a sleep than there is, is refused with what is wrong",
    async () => {
      const refusedFor = async (more: object) => {
        const config = { ...SLEEPER, tools: [{ ...SLEEPER.tools[0], ...more }] };
        const answer = await pair.a.call("POST", "/api/agents", { name: "sleeper", config });
        return expectProblem(answer, 422, "invalid_agent_config").errors?.map(({ path }) => path);
      };
      expect(await refusedFor({ timeoutMs: 5, approval: "always", onTimeout: "fail-run" })).toEqual(
        ["approval", "timeoutMs", "onTimeout"].map((name) => `config.tools.0.${name}`),
      );
      expect(await refusedFor({ inputSchema: { type: "object" } })).toEqual(["config.tools.0.inputSchema"]);
      expect(await refusedFor({ server: { type: "function" } })).toEqual(["config.tools.0.inputSchema"]);
    },
  );
});

/** The gateways of a store, started anew as often as a test likes. */
const RESTARTED: readonly [name: string, open: () => Promise<() => Promise<TestGateway>>, isSkipped: boolean][] = [
  [
    "on the embedded store",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "hsafa-sleep-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      return () => startTestGateway({ isEphemeral: false, env: { HSAFA_DATA_DIR: folder } });
    },
    false,
  ],
  [
    "on Postgres and Redis",
    async () => {
      const database = await freshDatabase();
      onTestFinished(() => database.drop());
      const redis = await redisUrl();
      return () => startTestGateway({ databaseUrl: database.url, redisUrl: redis });
    },
    await missingServices("postgres", "redis"),
  ],
];

test.each(RESTARTED)(
  "a sleep that ended while no gateway lived ends when one starts, %s",
  async (_name, open, isSkipped) => {
    if (isSkipped) return;
    const start = await open();
    const first = await start();
    await first.pushAgent(SLEEPER);
    const runId = await asleep(first, { durationMs: 4000 });
    const [call] = await first.toolCalls(runId);
    await first.close();
    await until("its time is over", () => Date.now() > Date.parse(call?.deadline ?? "") + 200);
    const second = await start();
    try {
      await sleptOnce(second, runId);
    } finally {
      await second.close();
    }
  },
);
