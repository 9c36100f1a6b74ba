/**
 * What claims cost beside many held runs and an old snapshot: `node apps/gateway/bench/leases.ts --runs 10000 --seconds
 * 600`. A Postgres of its own is started, with fsync off. A transaction is opened first and stays open, as a backup or
 * a report does, so no dead row is removed. Then gateways renew the leases of all runs, and another one claims.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import pg from "pg";
import { createFleetStore } from "../src/adapters/postgres/fleet-store.ts";
import { openPostgresStore } from "../src/adapters/postgres/open-postgres-store.ts";
import { openPgSql } from "../src/adapters/postgres/pg-sql.ts";
import { endOf, openScene, start } from "../test/contracts/store/scene.ts";
import { startPrivatePostgres } from "../test/services/postgres-server.ts";
import { EMPTY_PLACES } from "../test/support/empty-places.ts";
import { fillRuns } from "./fill-runs.ts";
import { quantile } from "./quantile.ts";

const LEASE_MS = 6000;
const RENEW_EVERY_MS = LEASE_MS / 3;
const RUNS_OF_A_GATEWAY = 1000;
const CLAIM_EVERY_MS = 50;
/** Every so many claims a run is due. */
const CLAIMS_OF_A_RUN = 10;

const { values } = parseArgs({
  options: { runs: { type: "string", default: "10000" }, seconds: { type: "string", default: "600" } },
});
const [count, seconds] = [Number(values.runs), Number(values.seconds)];
const gateways = Math.ceil(count / RUNS_OF_A_GATEWAY);

const server = await startPrivatePostgres();
const { url } = server;
const store = await openPostgresStore({ url });
const scene = await openScene(store);
const { sql } = openPgSql({ url, poolSize: gateways });
await sql.workAs("hsafa_app");
const renewals = createFleetStore(sql);

const [old, filler] = [new pg.Client(url), new pg.Client(url)];
await Promise.all([old.connect(), filler.connect()]);
await old.query("begin isolation level repeatable read");
await old.query("select count(*) from runs");
await fillRuns(filler, scene, {
  count,
  columns: {
    status: "'running'",
    lease_owner: `'gateway-' || n % ${gateways}`,
    wake_at: `now() + interval '${LEASE_MS} milliseconds'`,
  },
});
await filler.query("analyze runs");

const { rows: held } = await filler.query<{ id: string; owner: string }>(
  "select id::text, lease_owner as owner from runs",
);
const lost: string[] = [];
const renewalMs: number[] = [];
const claimMs: number[] = [];
const endsAt = performance.now() + seconds * 1000;

async function renewAll(gatewayId: string, delayMs: number): Promise<void> {
  const runs = held.filter(({ owner }) => owner === gatewayId).map(({ id }) => ({ runId: id, epoch: 1 }));
  await sleep(delayMs);
  while (performance.now() < endsAt) {
    const since = performance.now();
    const renewed = await renewals.renewLeases({ gatewayId, leaseDurationMs: LEASE_MS, runs });
    renewalMs.push(performance.now() - since);
    if (renewed.length < runs.length) lost.push(`${gatewayId}: ${runs.length - renewed.length}`);
    await sleep(Math.max(0, RENEW_EVERY_MS - (performance.now() - since)));
  }
}

async function claimAll(): Promise<void> {
  for (let nth = 1; performance.now() < endsAt; nth += 1) {
    if (nth % CLAIMS_OF_A_RUN === 0) await start(scene);
    const since = performance.now();
    const { runs } = await store.fleet.claimRuns({
      gatewayId: "gateway-a",
      claimNumber: nth,
      leaseDurationMs: LEASE_MS,
      limit: 64,
      places: EMPTY_PLACES,
      judgesUntil: Number.POSITIVE_INFINITY,
      lastChancesMax: 1,
    });
    claimMs.push(performance.now() - since);
    for (const run of runs) {
      if (run.lost) lost.push(run.runId);
      await store.fleet.commit(endOf(run));
    }
    await sleep(Math.max(0, CLAIM_EVERY_MS - (performance.now() - since)));
  }
}

/** One of the figures in the text of the report. */
function shown(figures: readonly number[], part: number): string {
  return quantile(figures, part).toFixed(1);
}

await Promise.all([
  claimAll(),
  ...Array.from({ length: gateways }, (_, n) => renewAll(`gateway-${n}`, (n * RENEW_EVERY_MS) / gateways)),
]);
const halves = [claimMs.slice(0, claimMs.length / 2), claimMs.slice(claimMs.length / 2)];
const { rows: tables } = await filler.query<{ name: string; updated: string; hot: string; dead: string }>(
  `select relname as name, n_tup_upd as updated, n_tup_hot_upd as hot, n_dead_tup as dead from pg_stat_user_tables
   where relname in ('runs', 'gateway_leases')`,
);
process.stdout.write(
  [
    `${count} held runs of ${gateways} gateways, renewed for ${seconds} s beside a snapshot that is older`,
    `claims: p50 ${shown(claimMs, 0.5)} ms, p99 ${shown(claimMs, 0.99)} ms; p99 of each half: ${halves.map((half) => shown(half, 0.99)).join(", ")} ms`,
    `renewals: p50 ${shown(renewalMs, 0.5)} ms, p99 ${shown(renewalMs, 0.99)} ms; leases lost: ${lost.length}`,
    ...tables.map(
      ({ name, updated, hot, dead }) => `${name}: ${updated} updates, ${hot} of them HOT, ${dead} rows dead`,
    ),
    "",
  ].join("\n"),
);
await Promise.all([old.end(), filler.end(), sql.close(), store.close()]);
await server.stop();
