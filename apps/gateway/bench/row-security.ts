/**
 * What row-level security costs the hot statements: `node apps/gateway/bench/row-security.ts <address of an empty
 * database>`. Gateways and a superuser ask each statement in turn. No policy binds a superuser. What counts is the CPU
 * time of the server and of this process, so a busy machine changes little.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import pg from "pg";
import { v7 } from "uuid";
import { createFleetStore } from "../src/adapters/postgres/fleet-store.ts";
import { openPostgresStore } from "../src/adapters/postgres/open-postgres-store.ts";
import { openPgSql } from "../src/adapters/postgres/pg-sql.ts";
import { storable, type Sql } from "../src/adapters/postgres/sql.ts";
import { type Query, fleetStatement } from "../src/adapters/postgres/statement.ts";
import { createTenantStore } from "../src/adapters/postgres/tenant-store.ts";
import { claim, commitOf, delta, openScene, startParams } from "../test/contracts/store/scene.ts";

const ROUNDS = 300;
const TENANTS = 20;
const DELTAS = 50;

const [, , url = ""] = process.argv;
const store = await openPostgresStore({ url });

/** As before there were policies: no scope, and no role but that of the address. */
function bareSql(): Sql {
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  pool.on("connect", (client) => void client.query("set jit = off"));
  return {
    async query<Row>({ name, text, values }: Query) {
      const client = await pool.connect();
      try {
        return (await client.query({ name, text, values: values.map(storable) })).rows as Row[];
      } finally {
        client.release();
      }
    },
    script: () => Promise.reject(new Error("not here")),
    workAs: () => Promise.reject(new Error("not here")),
    forgetPlans: () => Promise.resolve(),
    close: () => pool.end(),
  };
}

const { sql } = openPgSql({ url, poolSize: 1 });
await sql.workAs("hsafa_app");
const bare = bareSql();
const sides = [bare, sql].map((side) => ({
  fleet: createFleetStore(side),
  of: (tenantId: Parameters<typeof createTenantStore>[1]) => createTenantStore(side, tenantId),
}));

const scenes = await Promise.all(Array.from({ length: TENANTS }, () => openScene(store)));
const runs = await Promise.all(
  scenes.flatMap((scene) =>
    [0, 1].map(async () => {
      const params = startParams();
      await scene.tenant.startRun(params);
      return { scene, runId: params.runId };
    }),
  ),
);
const held = [];
for (const { scene, runId } of runs.slice(0, 1)) held.push(await claim(scene, runId));
const first = held[0];
if (first === undefined) throw new Error("a run was claimed");
await store.fleet.commit(commitOf(first, ["run.started", "step.started"]));

/** One round of a statement on a side: what it took, in ms. */
type Work = (side: (typeof sides)[number], round: number) => Promise<unknown>;
let afterSeq = first.lastSeq + 2;
let sub = 0;
const statements: Record<string, Work> = {
  "start a run": ({ of }, round) => {
    const scene = scenes[round % TENANTS] ?? scenes[0];
    return scene === undefined ? Promise.resolve() : of(scene.tenantId).startRun(startParams());
  },
  "commit one fact": ({ fleet }) => {
    const commit = commitOf(first, ["message.user"], { afterSeq });
    afterSeq += 1;
    return fleet.commit(commit);
  },
  [`append ${DELTAS} deltas`]: ({ fleet }) => {
    const rows = Array.from({ length: DELTAS }, () => {
      sub += 1;
      return {
        tenantId: first.tenantId,
        runId: first.runId,
        epoch: first.epoch,
        record: delta(afterSeq, sub, "word "),
      };
    });
    return fleet.appendDeltas({ rows });
  },
  "claim, nothing taken": ({ fleet }) =>
    fleet.claimRuns({
      gatewayId: "bench",
      claimNumber: 1,
      leaseDurationMs: 60_000,
      limit: 0,
      places: { free: 0, heldBy: new Map() },
      judgesUntil: null,
      lastChancesMax: 0,
    }),
  "renew 40 leases": ({ fleet }) =>
    fleet.renewLeases({
      gatewayId: "gateway-a",
      leaseDurationMs: 60_000,
      runs: runs.map(({ runId }) => ({ runId, epoch: 1 })),
    }),
  "read the tail": ({ of }) => of(first.tenantId).readTail({ runId: first.runId }),
  "read 100 events": ({ of }) =>
    of(first.tenantId).readEvents({ runId: first.runId, after: { seq: 0, sub: 0 }, limit: 100, factsOnly: false }),
  "find a key": ({ fleet }) => fleet.findApiKey({ keyHash: createHash("sha256").update(v7()).digest("hex") }),
};

/** The time that the server has worked for a side, and this process in all, in ms. Waiting is not in it. */
const WHO = fleetStatement({ name: "who", parameters: {}, text: "select pg_backend_pid() as pid" });
const pids = await Promise.all(
  [bare, sql].map(async (side) => (await side.query<{ readonly pid: number }>(WHO({})))[0]?.pid),
);

function workedMs(which: 0 | 1): number {
  const [ns = "0"] = readFileSync(`/proc/${pids[which]}/schedstat`, "utf8").split(" ");
  const { user, system } = process.cpuUsage();
  return Number(ns) / 1e6 + (user + system) / 1000;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}

for (const [name, work] of Object.entries(statements)) {
  const took: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    // Each goes first every other time.
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const side = sides[which];
      if (side === undefined) continue;
      const since = workedMs(which);
      await work(side, round);
      if (round >= 20) took[which].push(workedMs(which) - since);
    }
  }
  const [without, with_] = took.map(median);
  const ratio = (((with_ ?? 0) / (without ?? 1) - 1) * 100).toFixed(1);
  process.stdout.write(`| ${name} | ${without?.toFixed(3)} | ${with_?.toFixed(3)} | ${ratio} % |\n`);
}
await Promise.all([sql.close(), bare.close(), store.close()]);
