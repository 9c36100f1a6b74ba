import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type AgentConfigInput, isTerminalStatus, type Run } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase, missingServices, redisUrl } from "../services/services.ts";
import { addTenant } from "../support/add-tenant.ts";
import { listeningUrl, startProgram } from "../support/gateway-program.ts";
import { until } from "../support/until.ts";

const HOSTILE_KEY = "hsafa_test_operator_key_of_a_fleet_0123456789";
const LEASE_MS = 3000;
/** Less than the limit of the test, so that a run that does not end is named. */
const ENDED_WITHIN_MS = 150_000;
const PROGRAM = fileURLToPath(new URL("../support/stalling-gateway.ts", import.meta.url));

/** Says a word every half second, for longer than a lease. */
const TALKER: AgentConfigInput = {
  name: "talker",
  model: "demo/script",
  settings: { providerOptions: { demo: { script: [[{ repeat: 16, parts: [{ say: "word ", everyMs: 500 }] }]] } } },
};

/** Asks in every step for a function that keeps the event loop of its gateway. */
function burner(name: string, ms: number): AgentConfigInput {
  return {
    name,
    model: "demo/script",
    maxSteps: 200,
    tools: [{ name: "burn", inputSchema: { type: "object" }, target: "server", server: { type: "function" } }],
    settings: { providerOptions: { demo: { script: { steps: [[{ call: "burn", args: { ms } }]], loop: true } } } },
  };
}

describe.skipIf(await missingServices("postgres", "redis"))("runs that stall their gateway", () => {
  let database: FreshDatabase;
  let urls: readonly string[] = [];
  let quietKey = "";
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    const env = {
      HSAFA_ADMIN_KEY: HOSTILE_KEY,
      HSAFA_JWT_SECRET: "a secret that every gateway of this fleet signs its tokens with",
      HSAFA_LEASE_MS: String(LEASE_MS),
      DATABASE_URL: database.url,
      REDIS_URL: await redisUrl(),
    };
    const spawnGateway = async (): Promise<string> => {
      const child = startProgram(env, PROGRAM);
      children.push(child);
      // Its log is discarded, because a full pipe would stop it.
      child.stderr?.resume();
      return listeningUrl(child);
    };
    urls = [await spawnGateway(), await spawnGateway()];
    quietKey = await addTenant(database.url, "quiet");
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await database.drop();
  });

  async function call<Body>(key: string, nth: number, method: string, path: string, body?: unknown): Promise<Body> {
    const response = await fetch(`${urls[nth % urls.length] ?? ""}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(response.status).toBeLessThan(300);
    return (await response.json()) as Body;
  }

  async function push(key: string, config: AgentConfigInput): Promise<void> {
    await call(key, 0, "POST", "/api/agents", { name: config.name, config });
  }

  async function start(key: string, nth: number, agent: string): Promise<string> {
    const { runId } = await call<{ runId: string }>(key, nth, "POST", "/api/runs", { agent, input: "go" });
    return runId;
  }

  async function ended(key: string, nth: number, runId: string): Promise<Run> {
    const read = () => call<Run>(key, nth, "GET", `/api/runs/${runId}`);
    await until("the run has ended", async () => isTerminalStatus((await read()).status), ENDED_WITHIN_MS);
    return read();
  }

  test.each([
    ["for less than a lease, again and again", 0.6 * LEASE_MS],
    ["for longer than a lease", 1.3 * LEASE_MS],
  ])(
    "one that does so %s ends by its own fault, and the runs of another tenant complete on both gateways",
    async (_, ms) => {
      await push(quietKey, TALKER);
      await push(HOSTILE_KEY, burner("burner", ms));
      const quiet = await Promise.all(Array.from({ length: 6 }, (_none, nth) => start(quietKey, nth, TALKER.name)));
      const culprit = await ended(HOSTILE_KEY, 1, await start(HOSTILE_KEY, 0, "burner"));
      expect(culprit).toMatchObject({ status: "failed", error: { code: "recovery_exhausted" } });
      const runs = await Promise.all(quiet.map((runId, nth) => ended(quietKey, nth, runId)));
      expect(runs.map(({ status, error }) => ({ status, error }))).toEqual(
        runs.map(() => ({ status: "completed", error: null })),
      );
    },
    180_000,
  );
});
