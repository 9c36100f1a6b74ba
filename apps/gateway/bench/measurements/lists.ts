import { readFileSync } from "node:fs";
import type { Page } from "@hsafa/protocol";
import pg from "pg";
import { v7 } from "uuid";
import { openPostgresStore } from "../../src/adapters/postgres/open-postgres-store.ts";
import { pageCursor } from "../../src/ports/page-cursor.ts";
import type { Store } from "../../src/ports/store.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import { CONFIG, openScene, type Scene } from "../../test/contracts/store/scene.ts";
import { startPrivatePostgres } from "../../test/services/postgres-server.ts";
import { AN_ACTOR } from "../../test/support/an-actor.ts";
import { fillLists } from "../fill-lists.ts";
import { fillRuns, runIdOf } from "../fill-runs.ts";
import { quantile } from "../quantile.ts";
import type { Report } from "../report.ts";
import type { Measurement } from "./measurement.ts";

const READS = 20;
/** Reads of each list before any is measured, as a gateway has read lists before. */
const WARM_UP = 6;
const LIMIT = 50;
const P50_AIM_MS = 5;
/** The shares of runs that are rare are whole numbers. */
const RUNS_STEP = 1000;
/** Hopeless lists are not read for minutes. */
const LIST_MS_MAX = 5000;

/** What a list costs beside many runs of its tenant. */
export const lists: Measurement = {
  name: "lists",
  does: `lists of ${LIMIT} runs, calls, threads, files, devices and acts beside many parked runs of one tenant`,
  measure: async ({ listedRuns }) => [await measureLists({ runs: listedRuns, hasStatistics: true })],
};

/**
 * A Postgres of its own is started, with fsync off, and filled with runs and tool calls of one tenant. Each list is
 * read by the store as a request reads it. The CPU time is that of Postgres and of this process together, so a busy
 * machine changes it little.
 */
export async function measureLists(params: {
  readonly runs: number;
  readonly hasStatistics: boolean;
}): Promise<Report> {
  const { runs: count } = params;
  if (!(count > 0 && count % RUNS_STEP === 0)) throw new Error(`the runs must be a multiple of ${RUNS_STEP}`);
  const server = await startPrivatePostgres({ settings: ["autovacuum=off"] });
  const client = new pg.Client(server.url);
  const store = await openPostgresStore({ url: `${server.url}?connection_limit=1` });
  try {
    await client.connect();
    const filled = await fill(store, client, count);
    if (params.hasStatistics) await client.query("vacuum analyze");
    const listed = await listsOf(filled);
    const { rows: sessions } = await client.query<{ pid: number }>(
      "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    const pids = sessions.map(({ pid }) => pid);
    for (let nth = 0; nth < WARM_UP; nth += 1) for (const list of Object.values(listed)) await list();
    const costs: Cost[] = [];
    for (const [name, list] of Object.entries(listed)) costs.push(await costOf(name, list, pids));
    return reportOf(costs, count);
  } finally {
    await Promise.all([client.end(), store.close()]);
    await server.remove();
  }
}

/** What the lists ask for. */
interface Filled {
  readonly scene: Scene;
  /** Of the agent with 10 runs. */
  readonly rareVersionId: string;
  /** By its id: the thread with 2 % of all runs. */
  readonly threadId: string;
  readonly busyDevice: string;
  /** It has answered 10 calls. */
  readonly rareDevice: string;
  /** Half of the runs are older. */
  readonly middle: string;
  /** How many threads, files, devices and acts there are of each. */
  readonly beside: number;
}

/** Nearly all runs wait for a device. One call of each stands beside it: half of them are open. */
async function fill(store: Store, client: pg.Client, count: number): Promise<Filled> {
  const scene = await openScene(store);
  const { tenant, tenantId } = scene;
  const agents = [];
  for (const name of ["rare", "unused"])
    agents.push(
      await tenant.pushAgent({
        by: AN_ACTOR,
        name,
        description: null,
        version: null,
        config: { ...CONFIG, name },
        configHash: name,
        promote: true,
      }),
    );
  const [rare] = agents;
  if (rare === undefined) throw new Error("two agents were pushed");
  const [threadId, busyDevice, rareDevice] = [v7(), v7(), v7()];
  for (const [id, key] of [
    [threadId, "long"],
    [v7(), "quiet"],
  ] as const)
    await tenant.createThread({ threadId: id, key, subject: null, metadata: {} });
  const everyFiftieth = "n % 50 = 0";
  await fillRuns(client, scene, {
    count,
    columns: {
      // 20 failed, 40 canceled, 1 % are done.
      status: `case when n % ${count / 20} = 7 then 'failed' when n % ${count / 40} = 9 then 'canceled' when n % 100 = 3 then 'completed' else 'waiting_tool' end`,
      agent_id: `(case when n % ${count / 10} = 11 then '${rare.agentId}' else '${scene.agentId}' end)::uuid`,
      agent_version_id: `(case when n % ${count / 10} = 11 then '${rare.versionId}' else '${scene.versionId}' end)::uuid`,
      thread_id: `(case when ${everyFiftieth} then '${threadId}' end)::uuid`,
      thread_turn: `case when ${everyFiftieth} then n / 50 end`,
      subject: `case when n % 2 = 0 then 'user-' || n % 1000 end`,
      parent_run_id: `case when n % 1000 = 1 then '${runIdOf(1)}'::uuid end`,
      root_run_id: `case when n % 1000 = 1 then '${runIdOf(1)}'::uuid end`,
      depth: "(n % 1000 = 1)::int",
    },
  });
  await client.query(
    `insert into tool_calls (id, tenant_id, run_id, step, tool_name, args, target, status, attempt, repeatable,
       device_id, sent_device_id, sent_boot_id, sent_at, requested_at)
     select r.id, r.tenant_id, r.id, 1, case when is_rare then 'rare' else 'look' end, '{}', 'device',
       case when is_open then 'dispatched' when r.status = 'failed' then 'failed' else 'completed' end, 1, false,
       case when not is_open then device end, case when is_open then device end, case when is_open then 'boot 1' end,
       case when is_open then now() end, now()
     from runs r, lateral (
       select r.agent_id = $2 as is_rare,
         r.agent_id <> $2 and r.status = 'waiting_tool' and r.subject is null as is_open,
         (case when r.agent_id = $2 then $4 else $3 end)::uuid as device
     ) as call
     where r.tenant_id = $1`,
    [tenantId, rare.agentId, busyDevice, rareDevice],
  );
  await fillLists(client, tenantId, count / 10);
  const middle = runIdOf(Math.floor(count / 2));
  return { scene, rareVersionId: rare.versionId, threadId, busyDevice, rareDevice, middle, beside: count / 10 };
}

type Runs = Parameters<TenantStore["listRuns"]>[0];
type Calls = Parameters<TenantStore["listCalls"]>[0];
type Acts = Parameters<TenantStore["listAudit"]>[0];
type BySubject = Parameters<TenantStore["listThreads"]>[0];
type List = () => Promise<Page<unknown>>;

const NO_PAGE: Page<unknown> = { data: [], nextCursor: null };
/** Whose threads, files and devices are listed. */
const SUBJECTS = [
  ["of all", undefined],
  ["of a user (half)", "user-1"],
  ["of a user (0.1 %)", "user-2"],
  ["of a user (none)", "nobody"],
  ["of nobody (few)", null],
] as const;

/** The lists by their names. */
async function listsOf(filled: Filled): Promise<Readonly<Record<string, List>>> {
  const { tenant, agentId, versionId } = filled.scene;
  const { rareVersionId, threadId, busyDevice, rareDevice } = filled;
  const page = { limit: LIMIT, cursor: undefined };
  const all = { ...page, status: undefined, subject: undefined };
  const runs = (asked: Partial<Runs>) => () =>
    tenant.listRuns({ ...all, agent: undefined, threadId: undefined, ...asked });
  const calls = (asked: Partial<Calls>) => () =>
    tenant.listCalls({ ...all, toolName: undefined, deviceId: undefined, ...asked });
  const acts = (asked: Partial<Acts>) => () => tenant.listAudit({ ...page, ...asked });
  const bySubject = {
    threads: (asked: BySubject) => tenant.listThreads(asked),
    files: (asked: BySubject) => tenant.listFiles(asked),
    devices: (asked: BySubject) => tenant.listDevices(asked),
  };
  const middle = pageCursor(filled.middle);
  // Every fiftieth run is of the thread.
  const ofThread = pageCursor(runIdOf(filled.beside * 5 - ((filled.beside * 5) % 50)));
  const { nextCursor } = await runs({})();
  if (nextCursor === null) throw new Error("there is more than a page");
  return {
    "all runs": runs({}),
    "all runs, next page": runs({ cursor: nextCursor }),
    "all runs, from the middle": runs({ cursor: middle }),
    "of an agent by its name": runs({ agent: "worker" }),
    "of an agent by its id": runs({ agent: agentId }),
    "of an agent by its name, from the middle": runs({ agent: "worker", cursor: middle }),
    "of an agent with 10 runs": runs({ agent: "rare" }),
    "of an agent without runs": runs({ agent: "unused" }),
    "of an agent that is not there": runs({ agent: "nobody" }),
    "waiting (98 %)": runs({ status: "waiting_tool" }),
    "completed (1 %)": runs({ status: "completed" }),
    "failed (20 runs)": runs({ status: "failed" }),
    "merged (none)": runs({ status: "merged" }),
    "failed, of an agent": runs({ status: "failed", agent: "worker" }),
    "failed, of an agent with 10 runs": runs({ status: "failed", agent: "rare" }),
    "of a thread by its key (2 %)": runs({ threadId: "long" }),
    "of a thread by its id, from the middle": runs({ threadId, cursor: middle }),
    "of a thread without runs": runs({ threadId: "quiet" }),
    "of a user (0.1 %)": runs({ subject: "user-2" }),
    "of a user without runs": runs({ subject: "nobody" }),
    "of no user (half)": runs({ subject: null }),
    "children of a run": runs({ parentRunId: runIdOf(1) }),
    "forks of a run (none)": runs({ forkedFrom: runIdOf(1) }),
    "of a version (all but 10)": runs({ versionId }),
    "of a version with 10 runs": runs({ versionId: rareVersionId }),
    "of a device with most calls": runs({ device: busyDevice }),
    "of a device, from the middle": runs({ device: busyDevice, cursor: middle }),
    "of a device with 10 runs": runs({ device: rareDevice }),
    "of a device without runs": runs({ device: v7() }),
    "of an agent, with a device of 10 runs": runs({ agent: "rare", device: rareDevice }),
    "of the last minute (none)": runs({ since: Date.now() + 60_000 }),
    "with a text in metadata (none), a page's part": runs({ metadataText: "nothing has it" }),
    "tool calls": calls({}),
    "tool calls, from the middle": calls({ cursor: middle }),
    "tool calls of a device": calls({ deviceId: busyDevice }),
    "tool calls of a device with 10": calls({ deviceId: rareDevice }),
    "tool calls of a device without any": calls({ deviceId: v7() }),
    "tool calls of a rare tool": calls({ toolName: "rare" }),
    "open tool calls (half)": calls({ status: "dispatched" }),
    "failed tool calls (20)": calls({ status: "failed" }),
    "expired tool calls (none)": calls({ status: "expired" }),
    "calls of a run": async () => (await tenant.listCallsOfRun({ runId: runIdOf(2), ...page })) ?? NO_PAGE,
    "runs of a long thread": () => tenant.listThreadRuns({ threadId, ...page }),
    "runs of a long thread, from the middle": () => tenant.listThreadRuns({ threadId, ...page, cursor: ofThread }),
    ...Object.fromEntries(
      (["threads", "files", "devices"] as const).flatMap((what) =>
        SUBJECTS.map(([whose, subject]) => [`${what} ${whose}`, () => bySubject[what]({ ...page, subject })]),
      ),
    ),
    acts: acts({}),
    "acts, from the middle": acts({ cursor: pageCursor(runIdOf(filled.beside / 2)) }),
    "acts of a rare kind (20)": acts({ action: "key.create" }),
    "acts of a kind (one)": acts({ action: "tenant.create" }),
    "acts of a user (0.1 %)": acts({ subject: "user-2" }),
    "acts of a user (none)": acts({ subject: "nobody" }),
    "acts of a key (all)": acts({ keyId: "the key" }),
    "acts of a key (none)": acts({ keyId: "no key" }),
    "acts of the last minute (none)": acts({ since: Date.now() + 60_000 }),
  };
}

interface Cost {
  readonly name: string;
  readonly rows: number;
  readonly p50Ms: number;
  readonly slowestMs: number;
  readonly cpuMs: number;
}

/** `pids`: the sessions of the store. */
async function costOf(name: string, list: List, pids: readonly number[]): Promise<Cost> {
  const took: number[] = [];
  const worked: number[] = [];
  let rows = 0;
  for (let nth = 0; nth < READS; nth += 1) {
    const [since, workedBefore] = [performance.now(), workedMs(pids)];
    const { data } = await list();
    took.push(performance.now() - since);
    worked.push(workedMs(pids) - workedBefore);
    rows = data.length;
    if (nth > 4 && took.reduce((sum, ms) => sum + ms, 0) > LIST_MS_MAX) break;
  }
  return { name, rows, p50Ms: quantile(took, 0.5), slowestMs: Math.max(...took), cpuMs: quantile(worked, 0.5) };
}

/** The time that these processes and this one have worked so far, in ms. */
function workedMs(pids: readonly number[]): number {
  const ns = pids.map((pid) => Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]));
  const { user, system } = process.cpuUsage();
  return ns.reduce((sum, each) => sum + each, 0) / 1e6 + (user + system) / 1000;
}

function reportOf(costs: readonly Cost[], count: number): Report {
  const slowest = costs.reduce((one, other) => (other.p50Ms > one.p50Ms ? other : one));
  const beside = `beside ${count.toLocaleString("en")} runs, nearly all parked`;
  return {
    title: `lists of ${LIMIT} ${beside}`,
    table: [
      ["list", "rows", "p50 ms", "slowest ms", "CPU p50 ms"],
      ...costs.map(({ name, rows, p50Ms, slowestMs, cpuMs }) => [
        name,
        String(rows),
        ...[p50Ms, slowestMs, cpuMs].map((ms) => ms.toFixed(1)),
      ]),
    ],
    ratios: [
      {
        what: `slowest list of ${LIMIT} ${beside} (${slowest.name}): p50`,
        value: slowest.p50Ms,
        unit: " ms",
        aim: { kind: "at most", value: P50_AIM_MS },
      },
    ],
  };
}
