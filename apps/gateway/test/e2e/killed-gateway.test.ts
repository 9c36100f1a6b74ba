import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FreshDatabase, freshDatabase, missingServices, redisUrl } from "../services/services.ts";
import { chatChunk, chatEnd, HOLD, startFakeProvider } from "../support/fake-provider-server.ts";
import { listeningUrl, startProgram } from "../support/gateway-program.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { until } from "../support/until.ts";

const KEY = "hsafa_test_operator_key_of_a_fleet_0123456789";
/** Far longer than a test may take, so a gateway that waits for the end of the lease fails the test. */
const LEASE_MS = 300_000;

describe.skipIf(await missingServices("postgres", "redis"))("a gateway that is killed", () => {
  let database: FreshDatabase;
  let provider: Awaited<ReturnType<typeof startFakeProvider>>;
  let shared: Readonly<Record<string, string>>;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    // Its first answer does not end, so the first gateway is in its step whenever it is killed.
    provider = await startFakeProvider(
      { chunks: [chatChunk({ role: "assistant", content: "half a " }), HOLD] },
      { chunks: [chatChunk({ role: "assistant", content: "whole answer" }), chatEnd()] },
    );
    shared = {
      HSAFA_ADMIN_KEY: KEY,
      HSAFA_JWT_SECRET: "a secret that every gateway of this fleet signs its tokens with",
      HSAFA_LEASE_MS: String(LEASE_MS),
      DATABASE_URL: database.url,
      REDIS_URL: await redisUrl(),
      OPENAI_COMPATIBLE_BASE_URL: provider.url,
    };
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await provider.close();
    await database.drop();
  });

  /** Starts a gateway in a process of its own. */
  async function spawnGateway(): Promise<{ readonly url: string; kill(): Promise<void> }> {
    const child = startProgram(shared);
    children.push(child);
    // Its log is discarded, because a full pipe would stop it.
    child.stderr?.resume();
    const url = await listeningUrl(child);
    return {
      url,
      async kill() {
        const exit = once(child, "exit");
        child.kill("SIGKILL");
        await exit;
      },
    };
  }

  async function post<Body>(url: string, body: unknown): Promise<Body> {
    const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    expect(response.status).toBeLessThan(300);
    return (await response.json()) as Body;
  }

  test("the runs of a killed gateway go on elsewhere long before their leases end (R6)", async () => {
    const dying = await spawnGateway();
    const talker = { name: "talker", model: "openai-compatible/fake-1" };
    await post(`${dying.url}/api/agents`, { name: talker.name, config: talker });
    const { runId } = await post<{ runId: string }>(`${dying.url}/api/runs`, { agent: talker.name, input: "go" });
    const survivor: TestGateway = await startTestGateway({ env: shared, databaseUrl: database.url });
    try {
      await survivor.waitForRun(runId, ({ status }) => status === "running");
      const watched = survivor.watch(runId);
      await until("the model talks", () => provider.requests.length === 1);
      await dying.kill();
      expect(await survivor.waitForEnd(runId)).toMatchObject({ status: "completed", output: "whole answer" });
      const events = await survivor.events(runId);
      expect(events.filter(({ type }) => type === "run.recovered")).toHaveLength(1);
      expect(events.find(({ type }) => type === "step.discarded")?.data).toMatchObject({ reason: "crash" });
      expect((await watched).filter(({ type }) => !type.endsWith(".delta"))).toEqual(
        events.filter(({ type }) => !type.endsWith(".delta")),
      );
    } finally {
      await survivor.close();
    }
  });
});
