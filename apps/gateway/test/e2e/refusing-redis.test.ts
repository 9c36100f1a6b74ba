/**
 * Redis answers and refuses to serve, while a run of one gateway is watched on another. What the watcher gets, and what
 * operators are told, is the same for every reason that Redis gives.
 */
import type { AgentConfigInput } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { askRedis, REDIS_REFUSALS } from "../services/refusing-redis.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../services/services.ts";
import { runKey } from "../../src/adapters/redis/run-key.ts";
import { ownTenantOf } from "../support/own-tenant-of.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { disagreements, faultsOf } from "../support/watched-record.ts";
import { Watchers } from "../support/watchers.ts";

/** Talks for longer than any refusal here lasts. */
const talker: AgentConfigInput = {
  name: "talker",
  model: "demo/script",
  settings: {
    providerOptions: { demo: { script: [[{ repeat: 3000, parts: [{ say: "word{{n}} ", everyMs: 10 }] }]] } },
  },
};

/** How late most of the text is on the other gateway while Redis does not serve, at most. */
const LATENESS_MAX_MS = 500;
/** Events that are watched while Redis does not serve. They take about two seconds. */
const EVENTS_WATCHED = 150;

const eventually = (condition: () => Promise<void>) => vi.waitFor(condition, { timeout: 30_000, interval: 20 });

async function reasonInMetrics(gateway: TestGateway): Promise<string | undefined> {
  const { body } = await gateway.call<string>("GET", "/metrics");
  return /^hsafa_live_log_away\{reason="(\w*)"\} 1$/m.exec(body)?.[1];
}

describe.skipIf(await missingServices("postgres", "private-redis"))("Redis answers and does not serve", () => {
  let database: FreshDatabase;
  let watchers: Watchers;
  beforeAll(async () => {
    database = await freshDatabase();
    watchers = new Watchers();
  });
  afterAll(async () => {
    watchers.close();
    await database.drop();
  });

  // Those whose code is not what the metric shows are told in `refusing-redis.contract.test.ts`.
  test.each(REDIS_REFUSALS.filter(({ says }) => /^[A-Z]+$/.test(says)))(
    "$says ($because): operators are told, the other gateway's watcher gets the text soon, and Redis is used again",
    async ({ says, start }) => {
      const redis = await start();
      onTestFinished(() => redis.remove());
      const services = { databaseUrl: database.url, redisUrl: redis.url };
      const [here, there] = [await startTestGateway(services), await startTestGateway(services)];
      const both = [here, there];
      onTestFinished(async () => void (await Promise.all(both.map((gateway) => gateway.close()))));
      await here.pushAgent(talker);
      const { runId } = await here.startRun({ agent: "talker", input: "go" });
      const onHere = watchers.open(here, { runId });
      let lateness: number[] = [];
      const onThere = watchers.open(there, {
        runId,
        onEvent: (event) => lateness.push(Date.now() - Date.parse(event.ts)),
      });
      await onThere.until(({ length }) => length > 20);

      await redis.refuse();
      for (const gateway of both) {
        await eventually(async () => {
          const ready = await gateway.call<{ detail: string }>("GET", "/ready");
          expect(ready.status).toBe(503);
          expect(ready.body.detail).toContain(says);
        });
        expect(await reasonInMetrics(gateway)).toBe(says);
      }
      lateness = [];
      const seen = onThere.events.length;
      await onThere.until(({ length }) => length > seen + EVENTS_WATCHED);
      const sorted = lateness.toSorted((a, b) => a - b);
      expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(LATENESS_MAX_MS);

      await redis.serve();
      for (const gateway of both) {
        await eventually(async () => expect((await gateway.call("GET", "/ready")).status).toBe(200));
        expect(await reasonInMetrics(gateway)).toBeUndefined();
      }
      const next = await here.startRun({ agent: "talker", input: "again" });
      const stream = runKey({ tenantId: await ownTenantOf(here), runId: next.runId, name: "stream" });
      await eventually(async () => expect(await askRedis(redis.url, "EXISTS", stream)).toBe(1));

      for (const id of [runId, next.runId]) await here.call("POST", `/api/runs/${id}/cancel`, {});
      await Promise.all([onHere.over, onThere.over]);
      expect([...faultsOf(onHere.events), ...faultsOf(onThere.events)]).toEqual([]);
      expect(disagreements({ here: onHere.events, there: onThere.events })).toEqual([]);
    },
  );
});
