/**
 * What a list of 50 costs beside many runs: `node apps/gateway/bench/lists.ts --runs 1000000`. A Postgres of its own is
 * started, with fsync off, and filled with runs and tool calls of one tenant. Each list is read by the store as a
 * request reads it. Printed are the medians and the slowest of many reads, in ms, with how many rows came. The CPU time
 * is that of Postgres and of this process together, so a busy machine changes it little.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import pg from "pg";
import { v7 } from "uuid";
import { openPostgresStore } from "../src/adapters/postgres/open-postgres-store.ts";
import { CONFIG, openScene } from "../test/contracts/store/scene.ts";
import { startPrivatePostgres } from "../test/services/postgres-server.ts";
import { AN_ACTOR } from "../test/support/an-actor.ts";
import { fillRuns, runIdOf } from "./fill-runs.ts";
import { quantile } from "./quantile.ts";

const READS = 20;
const LIMIT = 50;

const { values } = parseArgs({
  options: { runs: { type: "string", default: "1000000" }, "no-statistics": { type: "boolean", default: false } },
});
const count = Number(values.runs);
const server = await startPrivatePostgres({ settings: ["autovacuum=off"] });
const store = await openPostgresStore({ url: `${server.url}?connection_limit=1` });
const scene = await openScene(store);
const { tenant, tenantId } = scene;
const agents = await Promise.all(
  ["rare", "unused"].map((name) =>
    tenant.pushAgent({
      by: AN_ACTOR,
      name,
      description: null,
      version: null,
      config: { ...CONFIG, name },
      configHash: name,
      promote: true,
    }),
  ),
);
const [rare] = agents;
if (rare === undefined) throw new Error("two agents were pushed");
const [long, quiet] = [v7(), v7()];
for (const [threadId, key] of [
  [long, "long"],
  [quiet, "quiet"],
] as const)
  await tenant.createThread({ threadId, key, subject: null, metadata: {} });

const client = new pg.Client({ connectionString: server.url });
await client.connect();
const EVERY_FIFTIETH = "n % 50 = 0";
await fillRuns(client, scene, {
  count,
  columns: {
    // 20 failed, 40 canceled, 1 % waits, 99 % are done.
    status: `case when n % ${count / 20} = 7 then 'failed' when n % ${count / 40} = 9 then 'canceled' when n % 100 = 3 then 'waiting_tool' else 'completed' end`,
    agent_id: `(case when n % ${count / 10} = 11 then '${rare.agentId}' else '${scene.agentId}' end)::uuid`,
    thread_id: `(case when ${EVERY_FIFTIETH} then '${long}' end)::uuid`,
    thread_turn: `case when ${EVERY_FIFTIETH} then n / 50 end`,
    subject: `case when n % 2 = 0 then 'user-' || n % 1000 end`,
    parent_run_id: `case when n % 1000 = 1 then '${runIdOf(1)}'::uuid end`,
    root_run_id: `case when n % 1000 = 1 then '${runIdOf(1)}'::uuid end`,
    depth: "(n % 1000 = 1)::int",
  },
});
const [busyDevice, idleDevice] = [v7(), v7()];
await client.query(
  `insert into tool_calls (id, tenant_id, run_id, step, tool_name, args, target, status, attempt, repeatable, device_id, requested_at)
   select r.id, r.tenant_id, r.id, 1, case when r.agent_id = $2 then 'rare' else 'look' end, '{}', 'device',
     case r.status when 'failed' then 'failed' else 'completed' end, 1, false,
     (case when r.agent_id = $2 then $4 else $3 end)::uuid, now()
   from runs r where r.tenant_id = $1`,
  [tenantId, rare.agentId, busyDevice, idleDevice],
);
if (!values["no-statistics"]) await client.query("vacuum analyze");

const deep = Buffer.from(runIdOf(Math.floor(count / 2))).toString("base64url");
type Runs = Parameters<typeof tenant.listRuns>[0];
type Calls = Parameters<typeof tenant.listCalls>[0];
const runs = (asked: Partial<Runs>) => () =>
  tenant.listRuns({
    limit: LIMIT,
    cursor: undefined,
    status: undefined,
    agent: undefined,
    threadId: undefined,
    subject: undefined,
    ...asked,
  });
const calls = (asked: Partial<Calls>) => () =>
  tenant.listCalls({
    limit: LIMIT,
    cursor: undefined,
    toolName: undefined,
    deviceId: undefined,
    status: undefined,
    subject: undefined,
    ...asked,
  });
const { nextCursor } = await runs({})();
if (nextCursor === null) throw new Error("there is more than a page");

const lists = {
  "all runs": runs({}),
  "all runs, next page": runs({ cursor: nextCursor }),
  "all runs, from the middle": runs({ cursor: deep }),
  "of an agent by its name": runs({ agent: "worker" }),
  "of an agent by its id": runs({ agent: scene.agentId }),
  "of an agent by its name, from the middle": runs({ agent: "worker", cursor: deep }),
  "of an agent with 10 runs": runs({ agent: "rare" }),
  "of an agent without runs": runs({ agent: "unused" }),
  "of an agent that is not there": runs({ agent: "nobody" }),
  "completed (99 %)": runs({ status: "completed" }),
  "waiting (1 %)": runs({ status: "waiting_tool" }),
  "failed (20 runs)": runs({ status: "failed" }),
  "merged (none)": runs({ status: "merged" }),
  "failed, of an agent": runs({ status: "failed", agent: "worker" }),
  "failed, of an agent with 10 runs": runs({ status: "failed", agent: "rare" }),
  "of a thread by its key (2 %)": runs({ threadId: "long" }),
  "of a thread by its id, from the middle": runs({ threadId: long, cursor: deep }),
  "of a thread without runs": runs({ threadId: "quiet" }),
  "of a user (0.1 %)": runs({ subject: "user-2" }),
  "of a user without runs": runs({ subject: "nobody" }),
  "of no user (half)": runs({ subject: null }),
  "children of a run": runs({ parentRunId: runIdOf(1) }),
  "forks of a run (none)": runs({ forkedFrom: runIdOf(1) }),
  "of a version (all but 10)": runs({ versionId: scene.versionId }),
  "of a version with 10 runs": runs({ versionId: rare.versionId }),
  "of a device with most calls": runs({ device: busyDevice }),
  "of a device, from the middle": runs({ device: busyDevice, cursor: deep }),
  "of a device with 10 runs": runs({ device: idleDevice }),
  "of a device without runs": runs({ device: v7() }),
  "of an agent, with a device of 10 runs": runs({ agent: "rare", device: idleDevice }),
  "of the last minute (none)": runs({ since: Date.now() + 60_000 }),
  "with a text in metadata (none), a page's part": runs({ metadataText: "nothing has it" }),
  "tool calls": calls({}),
  "tool calls of a device": calls({ deviceId: busyDevice }),
  "tool calls of a device with 10": calls({ deviceId: idleDevice }),
  "tool calls of a device without any": calls({ deviceId: v7() }),
  "tool calls of a rare tool": calls({ toolName: "rare" }),
  "failed tool calls (20)": calls({ status: "failed" }),
  "expired tool calls (none)": calls({ status: "expired" }),
};

const { rows: sessions } = await client.query<{ pid: number }>(
  "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
);

/** The time that Postgres and this process have worked so far, in ms. */
function workedMs(): number {
  const ns = sessions.map(({ pid }) => Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]));
  const { user, system } = process.cpuUsage();
  return ns.reduce((sum, each) => sum + each, 0) / 1e6 + (user + system) / 1000;
}

function median(figures: readonly number[]): string {
  return quantile(figures, 0.5).toFixed(1);
}

process.stdout.write(
  `| list of ${LIMIT} beside ${count} runs | rows | p50 ms | slowest ms | CPU p50 ms |\n|---|---|---|---|---|\n`,
);
for (const [name, list] of Object.entries(lists)) {
  const took: number[] = [];
  const worked: number[] = [];
  let rows = 0;
  for (let nth = 0; nth < READS; nth += 1) {
    const [since, workedBefore] = [performance.now(), workedMs()];
    const { data } = await list();
    took.push(performance.now() - since);
    worked.push(workedMs() - workedBefore);
    rows = data.length;
    // Hopeless ones are not repeated for minutes.
    if (nth > 4 && took.reduce((sum, ms) => sum + ms, 0) > 5000) break;
  }
  const slowest = Math.max(...took).toFixed(1);
  process.stdout.write(`| ${name} | ${rows} | ${median(took)} | ${slowest} | ${median(worked)} |\n`);
}
await Promise.all([client.end(), store.close()]);
await server.stop();
