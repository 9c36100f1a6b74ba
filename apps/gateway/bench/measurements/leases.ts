import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { createFleetStore } from "../../src/adapters/postgres/fleet-store.ts";
import { openPostgresStore } from "../../src/adapters/postgres/open-postgres-store.ts";
import { openPgSql } from "../../src/adapters/postgres/pg-sql.ts";
import type { FleetStore } from "../../src/ports/fleet-store.ts";
import { endOf, openScene, type Scene, start } from "../../test/contracts/store/scene.ts";
import { startPrivatePostgres } from "../../test/services/postgres-server.ts";
import { EMPTY_PLACES } from "../../test/support/empty-places.ts";
import { fillRuns } from "../fill-runs.ts";
import { quantile } from "../quantile.ts";
import type { Report } from "../report.ts";
import type { Measurement } from "./measurement.ts";

const LEASE_MS = 6000;
const RENEW_EVERY_MS = LEASE_MS / 3;
const RUNS_OF_A_GATEWAY = 1000;
const CLAIM_EVERY_MS = 50;
/** Every so many claims a run is due. */
const CLAIMS_OF_A_RUN = 10;
const CLAIM_P99_AIM_MS = 20;
/** What the benchmark does of it. */
const SHORT = { runs: 2000, seconds: 30 };

/** What claims cost beside many held runs and an old snapshot. */
export const leases: Measurement = {
  name: "leases",
  does: `claims beside ${SHORT.runs.toLocaleString("en")} held runs that are renewed, and an old snapshot`,
  measure: async () => [await measureLeases(SHORT)],
};

/**
 * A Postgres of its own is started, with fsync off. A transaction is opened first and stays open, as a backup or a
 * report does, so no dead row is removed. Then gateways renew the leases of all runs, and another one claims.
 */
export async function measureLeases(params: { readonly runs: number; readonly seconds: number }): Promise<Report> {
  const gateways = Math.ceil(params.runs / RUNS_OF_A_GATEWAY);
  const server = await startPrivatePostgres();
  const { url } = server;
  const [old, filler] = [new pg.Client(url), new pg.Client(url)];
  const store = await openPostgresStore({ url });
  const { sql } = openPgSql({ url, poolSize: gateways });
  try {
    await Promise.all([old.connect(), filler.connect()]);
    const scene = await openScene(store);
    await sql.workAs("hsafa_app");
    await old.query("begin isolation level repeatable read");
    await old.query("select count(*) from runs");
    const held = await fillHeld(filler, scene, { count: params.runs, gateways });
    const found: Found = { claimMs: [], renewalMs: [], lost: 0 };
    const endsAt = performance.now() + params.seconds * 1000;
    const renewals = createFleetStore(sql);
    await Promise.all([
      claimAll(scene, found, endsAt),
      ...held.map((runIds, n) => {
        const beginsIn = (n * RENEW_EVERY_MS) / gateways;
        return renewAll(renewals, { gatewayId: gatewayOf(n), runIds, beginsIn, endsAt }, found);
      }),
    ]);
    const { rows: tables } = await filler.query<Table>(
      `select relname as name, n_tup_upd as updated, n_tup_hot_upd as hot, n_dead_tup as dead
       from pg_stat_user_tables where relname in ('runs', 'gateway_leases') order by relname`,
    );
    return reportOf(found, tables, { ...params, gateways });
  } finally {
    await Promise.all([old.end(), filler.end(), sql.close(), store.close()]);
    await server.remove();
  }
}

/** What was measured so far. */
interface Found {
  readonly claimMs: number[];
  readonly renewalMs: number[];
  /** Leases that were not renewed, or runs that were claimed though they were held. */
  lost: number;
}

interface Table {
  readonly name: string;
  readonly updated: string;
  readonly hot: string;
  readonly dead: string;
}

const gatewayOf = (n: number): string => `gateway-${n}`;

/** Returns the runs that each gateway holds. */
async function fillHeld(
  client: pg.Client,
  scene: Scene,
  { count, gateways }: { readonly count: number; readonly gateways: number },
): Promise<readonly string[][]> {
  await fillRuns(client, scene, {
    count,
    columns: {
      status: "'running'",
      lease_owner: `'gateway-' || n % ${gateways}`,
      wake_at: `now() + interval '${LEASE_MS} milliseconds'`,
    },
  });
  await client.query("analyze runs");
  const { rows } = await client.query<{ id: string; owner: string }>("select id::text, lease_owner as owner from runs");
  return Array.from({ length: gateways }, (_, n) =>
    rows.flatMap(({ id, owner }) => (owner === gatewayOf(n) ? [id] : [])),
  );
}

async function renewAll(
  fleet: FleetStore,
  gateway: {
    readonly gatewayId: string;
    readonly runIds: readonly string[];
    readonly beginsIn: number;
    readonly endsAt: number;
  },
  found: Found,
): Promise<void> {
  const { gatewayId, beginsIn, endsAt } = gateway;
  const runs = gateway.runIds.map((runId) => ({ runId, epoch: 1 }));
  await sleep(beginsIn);
  while (performance.now() < endsAt) {
    const since = performance.now();
    const renewed = await fleet.renewLeases({ gatewayId, leaseDurationMs: LEASE_MS, runs });
    found.renewalMs.push(performance.now() - since);
    found.lost += runs.length - renewed.length;
    await sleep(Math.max(0, RENEW_EVERY_MS - (performance.now() - since)));
  }
}

async function claimAll(scene: Scene, found: Found, endsAt: number): Promise<void> {
  const { fleet } = scene.store;
  for (let nth = 1; performance.now() < endsAt; nth += 1) {
    if (nth % CLAIMS_OF_A_RUN === 0) await start(scene);
    const since = performance.now();
    const { runs } = await fleet.claimRuns({
      gatewayId: "gateway-a",
      claimNumber: nth,
      leaseDurationMs: LEASE_MS,
      limit: 64,
      places: EMPTY_PLACES,
      judgesUntil: Number.POSITIVE_INFINITY,
      lastChancesMax: 1,
    });
    found.claimMs.push(performance.now() - since);
    for (const run of runs) {
      if (run.lost) found.lost += 1;
      await fleet.commit(endOf(run));
    }
    await sleep(Math.max(0, CLAIM_EVERY_MS - (performance.now() - since)));
  }
}

function reportOf(
  { claimMs, renewalMs, lost }: Found,
  tables: readonly Table[],
  { runs, seconds, gateways }: { readonly runs: number; readonly seconds: number; readonly gateways: number },
): Report {
  const half = claimMs.length / 2;
  const row = (name: string, figures: readonly number[]): string[] => [
    name,
    ...[0.5, 0.99].map((share) => quantile(figures, share).toFixed(1)),
  ];
  const title = `claims beside ${runs.toLocaleString("en")} held runs of ${gateways} gateways for ${seconds} s`;
  return {
    title: `${title}, and a snapshot that is older`,
    table: [
      ["", "p50 ms", "p99 ms"],
      row("claims", claimMs),
      row("claims, first half", claimMs.slice(0, half)),
      row("claims, second half", claimMs.slice(half)),
      row("renewals of a gateway's runs", renewalMs),
      ["leases lost", String(lost), ""],
      ...tables.map(({ name, updated, hot, dead }) => [
        `rows of ${name}`,
        `${updated} updates, ${hot} HOT`,
        `${dead} dead`,
      ]),
    ],
    ratios: [
      {
        what: `${title}: p99`,
        value: quantile(claimMs, 0.99),
        unit: " ms",
        aim: { kind: "at most", value: CLAIM_P99_AIM_MS },
      },
    ],
  };
}
