import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type FreshDatabase, freshDatabase, missingServices, startPrivateRedis } from "../services/services.ts";
import type { ThrowawayServer } from "../services/throwaway-server.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { disagreements, faultsOf } from "../support/watched-record.ts";
import { Watchers } from "../support/watchers.ts";

/**
 * During an upgrade an old and a new gateway may name the keys of Redis differently, so that each hears only what it
 * wrote. Two gateways on one Postgres, each with a Redis of its own, are such a pair.
 */
describe.skipIf(await missingServices("postgres", "private-redis"))("gateways that do not hear each other", () => {
  let database: FreshDatabase;
  let servers: ThrowawayServer[];
  let old: TestGateway;
  let next: TestGateway;
  const watchers = new Watchers();

  beforeAll(async () => {
    database = await freshDatabase();
    servers = await Promise.all([startPrivateRedis(), startPrivateRedis()]);
    const [first, second] = servers.map(({ url }) => url);
    old = await startTestGateway({ databaseUrl: database.url, redisUrl: first ?? "" });
    next = await startTestGateway({ databaseUrl: database.url, redisUrl: second ?? "" });
  });
  afterAll(async () => {
    watchers.close();
    await Promise.all([old, next].map((gateway) => gateway.close()));
    await Promise.all(servers.map((server) => server.remove()));
    await database.drop();
  });

  test("a watcher of either sees the whole record, and a cancel by either is heard (R8, R6)", async () => {
    const long = "word ".repeat(40);
    const script = [
      [{ say: long }, { call: "ask", args: {} }],
      [{ say: long }, { hang: true }],
    ];
    await old.pushAgent({
      name: "talker",
      model: "demo/script",
      tools: [{ name: "ask", inputSchema: { type: "object" }, target: "external" }],
      settings: { providerOptions: { demo: { script } } },
    });
    const { runId } = await old.startRun({ agent: "talker", input: "go" });
    const [onOld, onNext] = [watchers.open(old, { runId }), watchers.open(next, { runId })];
    await onOld.until((events) => events.some(({ type }) => type === "tool.dispatched"));
    await onNext.until((events) => events.some(({ type }) => type === "tool.dispatched"));
    const { body } = await next.call<{ data: { id: string }[] }>("GET", `/api/runs/${runId}/tool-calls`);
    for (const { id: callId } of body.data) {
      await next.call("POST", `/api/runs/${runId}/tool-results`, { callId, result: "yes" });
    }
    await vi.waitFor(
      async () => {
        const { body: run } = await next.call<{ status: string }>("GET", `/api/runs/${runId}`);
        expect(run.status).toBe("running");
      },
      { timeout: 10_000, interval: 50 },
    );
    await next.call("POST", `/api/runs/${runId}/cancel`, {});
    await Promise.all([onOld.over, onNext.over]);
    expect(onOld.events.at(-1)?.type).toBe("run.canceled");
    expect([...faultsOf(onOld.events), ...faultsOf(onNext.events)]).toEqual([]);
    expect(disagreements({ old: onOld.events, next: onNext.events })).toEqual([]);
  });
});
