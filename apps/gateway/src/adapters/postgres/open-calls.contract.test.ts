import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callOf, claim, commitOf, connect, openScene, start } from "../../../test/contracts/store/scene.ts";
import { type FreshDatabase, freshDatabase, missingServices } from "../../../test/services/services.ts";
import { OPEN_CALLS_PER_SESSION_MAX } from "../../ports/limits.ts";
import type { Store } from "../../ports/store.ts";
import { openPostgresStore } from "./open-postgres-store.ts";
import { READ_OPEN_CALLS } from "./statements/calls/read-open-calls.ts";

/** A part of a plan as `explain (analyze, format json)` tells it. */
interface PlanNode {
  readonly "Relation Name"?: string;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly "Rows Removed by Filter"?: number;
  readonly Plans?: readonly PlanNode[];
}

/** Rows of a table that a plan has looked at. */
function rowsRead(node: PlanNode, table: string): number {
  const own = (node["Actual Rows"] + (node["Rows Removed by Filter"] ?? 0)) * node["Actual Loops"];
  const below = (node.Plans ?? []).map((plan) => rowsRead(plan, table));
  return below.reduce((sum, rows) => sum + rows, node["Relation Name"] === table ? own : 0);
}

describe.skipIf(await missingServices("postgres"))("the calls that are open for a device, on a server", () => {
  let database: FreshDatabase;
  let store: Store;
  let operator: pg.Client;
  beforeAll(async () => {
    database = await freshDatabase();
    store = await openPostgresStore({ url: database.url });
    operator = new pg.Client({ connectionString: database.url });
    await operator.connect();
  });
  afterAll(async () => {
    await operator.end();
    await store.close();
    await database.drop();
  });

  test("are found without a look at those that were settled before, however many wait", async () => {
    const scene = await openScene(store);
    const { sessionId } = await connect(scene);
    const { runId } = await start(scene);
    const held = await claim(scene, runId);
    const call = callOf();
    await store.fleet.commit(commitOf(held, ["run.started"], { calls: [call] }));
    const settledCount = 50_000;
    // Ids tell the time of their making: the settled calls are older than any that waits. As many wait for others, so
    // that Postgres takes an open call for a common thing, soon met with wherever it begins to look.
    await operator.query(
      `insert into tool_calls (id, status, recipient_kind, recipient_key, tenant_id, run_id, step, tool_name, args, target, attempt, repeatable, requested_at)
       select lpad(to_hex(n), 32, '0')::uuid, more.status, more.kind, more.key,
         tenant_id, run_id, step, tool_name, args, target, attempt, repeatable, requested_at
       from tool_calls cross join (
         select n, 'completed' as status, 'any' as kind, null as key from generate_series(1, ${settledCount}) as n
         union all
         select n, 'dispatched', 'key', 'other ' || n % 50 from generate_series(${settledCount} + 1, ${2 * settledCount}) as n
         union all
         select n, 'dispatched', 'any', null from generate_series(${2 * settledCount} + 1, ${2 * settledCount + 4 * OPEN_CALLS_PER_SESSION_MAX}) as n
       ) as more
       where id = $1`,
      [call.callId],
    );
    await operator.query("analyze");
    const text = READ_OPEN_CALLS.text.replaceAll("$1", `'{${sessionId}}'`);
    const { rows } = await operator.query<{ "QUERY PLAN": [{ Plan: PlanNode }] }>(
      `explain (analyze, format json) ${text}`,
    );
    const read = rows.map((row) => rowsRead(row["QUERY PLAN"][0].Plan, "tool_calls"));
    expect(read[0]).toBeGreaterThanOrEqual(OPEN_CALLS_PER_SESSION_MAX);
    expect(read[0]).toBeLessThan(settledCount);
  });
});
