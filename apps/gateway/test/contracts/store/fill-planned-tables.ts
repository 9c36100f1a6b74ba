import type pg from "pg";
import { v7 } from "uuid";
import { fillLists } from "../../../bench/fill-lists.ts";
import { fillRuns, runIdOf } from "../../../bench/fill-runs.ts";
import type { Scene } from "./scene.ts";

/** Every second run is of it. */
export const LONG_THREAD = v7();
/** It goes on from the hundredth run of the long one. */
export const BRANCH = v7();
export const BUSY_DEVICE = v7();
export const RARE_DEVICE = v7();

/** The tables that are filled. */
export const PLANNED_TABLES = [
  "runs",
  "run_events",
  "run_inputs",
  "tool_calls",
  "api_keys",
  "threads",
  "files",
  "devices",
  "device_sessions",
  "audit_entries",
];

/** Fills the tables with so many rows of the scene's tenant, as one whose statements are to keep their plans. */
export async function fillPlannedTables(
  client: pg.Client,
  {
    scene,
    runId,
    rows,
  }: {
    readonly scene: Scene;
    /** Has all of the events. */
    readonly runId: string;
    readonly rows: number;
  },
): Promise<void> {
  const { tenantId } = scene;
  await fillRuns(client, scene, {
    count: rows,
    columns: {
      // Nearly half of them are parked.
      status: "case when n % 1000 = 0 then 'failed' when n % 2 = 0 then 'completed' else 'waiting_tool' end",
      thread_id: `(case when n % 2 = 0 then '${LONG_THREAD}' end)::uuid`,
      thread_turn: "case when n % 2 = 0 then n / 2 end",
    },
  });
  await fillLists(client, tenantId, rows);
  await client.query("insert into threads (id, tenant_id, metadata, turns) values ($1, $2, '{}', $3)", [
    LONG_THREAD,
    tenantId,
    rows / 2,
  ]);
  await client.query(
    `insert into threads (id, tenant_id, metadata, branched_from, ancestor_ids, ancestor_turns)
     values ($1, $2, '{}', $3, array[$4::uuid], '{100}')`,
    [BRANCH, tenantId, runIdOf(200), LONG_THREAD],
  );
  // One run has all events, as after a long step. The others are rows of the same table beside it.
  await client.query(
    `insert into run_events (tenant_id, run_id, seq, sub, type, payload, bytes, created_at)
     select $1, $2, 4, n, 'text.delta', '{"text":"word"}', 15, now() from generate_series(1, ${rows}) as n`,
    [tenantId, runId],
  );
  await client.query(
    `insert into tool_calls (id, tenant_id, run_id, step, tool_name, args, target, status, attempt, repeatable, device_id, requested_at)
     select r.id, r.tenant_id, r.id, 1, 'look', '{}', 'device', 'completed', 1, false,
       (case r.status when 'failed' then $3 else $2 end)::uuid, now()
     from runs r where r.id <> $1`,
    [runId, BUSY_DEVICE, RARE_DEVICE],
  );
  await client.query(
    `insert into run_inputs (tenant_id, run_id, kind, input, bytes, dedupe_key, body_hash, consumed)
     select r.tenant_id, r.id, 'message', '{"kind":"message"}', 18, 'k', 'h', true from runs r where r.id <> $1`,
    [runId],
  );
}
