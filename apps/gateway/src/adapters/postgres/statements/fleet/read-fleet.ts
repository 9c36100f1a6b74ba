import type { DueRun, FleetGateway, GatewayReport, RunStatus } from "@hsafa/protocol";
import type { FleetState, FleetStore } from "../../../../ports/fleet-store.ts";
import { DUE_RUNS_COUNTED_MAX, DUE_RUNS_SHOWN } from "../../../../ports/limits.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import { isoTime, millis } from "../../times.ts";

const REPORT_GATEWAY = fleetStatement({
  name: "report-gateway",
  parameters: { gatewayId: "text", report: "json" },
  text: "update gateways set report = :report where id = :gatewayId",
});

const READ_GATEWAYS = fleetStatement({
  name: "read-gateways",
  parameters: {},
  text: `
select id, ${isoTime("started_at")} as started_at, ${isoTime("beaten_at")} as beaten_at, stopping, report::text as report
from gateways order by started_at desc, id`,
});

/** Runs that have begun and new ones have an index each, which the queue uses too. */
const [BEGUN, NEW] = ["wake_at is not null and epoch > 0", "wake_at is not null and epoch = 0"];
/** Of the runs that a gateway holds, those that were lost before. */
const COVERED = "wake_at is null and lease_owner is not null and recoveries > 0";
const isDue = (kind: string): string => `${kind} and wake_at <= now()`;
const counted = (which: string): string =>
  `(select count(*)::int from (select 1 from runs where ${which} limit ${DUE_RUNS_COUNTED_MAX}) as due)`;
const oldest = (kind: string): string => `
(select id, tenant_id, status, recoveries, wake_at from runs where ${isDue(kind)} order by wake_at limit ${DUE_RUNS_SHOWN})`;

const READ_DUE = fleetStatement({
  name: "read-due",
  parameters: {},
  text: `
select id::text, tenant_id::text, status, recoveries, ${isoTime("wake_at")} as due_at
from (${oldest(BEGUN)} union all ${oldest(NEW)}) as due order by wake_at limit ${DUE_RUNS_SHOWN}`,
});

/** What tenants have: as of the last sweep, and the changes since. */
const READ_LOAD = fleetStatement({
  name: "read-load",
  parameters: {},
  text: `
select ${millis("now()")} as now, sum(queued_runs)::float8 as queued, sum(active_runs)::float8 as active,
  least(${DUE_RUNS_COUNTED_MAX}, ${counted(isDue(BEGUN))} + ${counted(isDue(NEW))}) as due,
  ${counted("wake_at is not null and recoveries > 0")} + ${counted(COVERED)} as recovering
from (
  select queued_runs, active_runs from tenant_usage
  union all select queued_runs, active_runs from tenant_usage_changes
) as usage`,
});

interface GatewayRow {
  readonly id: string;
  readonly started_at: string;
  readonly beaten_at: string;
  readonly stopping: boolean;
  readonly report: string | null;
}

interface DueRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly status: string;
  readonly recoveries: number;
  readonly due_at: string;
}

interface LoadRow {
  readonly now: number;
  readonly queued: number | null;
  readonly active: number | null;
  readonly due: number;
  readonly recovering: number;
}

export async function reportGateway(
  sql: Sql,
  { gatewayId, report }: Parameters<FleetStore["reportGateway"]>[0],
): Promise<void> {
  await sql.query(REPORT_GATEWAY({ gatewayId, report: JSON.stringify(report) }));
}

export async function readFleet(sql: Sql): Promise<FleetState> {
  const [gateways, due, [load]] = await Promise.all([
    sql.query<GatewayRow>(READ_GATEWAYS({})),
    sql.query<DueRow>(READ_DUE({})),
    sql.query<LoadRow>(READ_LOAD({})),
  ]);
  if (load === undefined) throw new Error("an aggregate always returns a row");
  return {
    now: load.now,
    queuedRuns: load.queued ?? 0,
    activeRuns: load.active ?? 0,
    dueRuns: load.due,
    recoveringRuns: load.recovering,
    oldestDue: due.map(
      (row): DueRun => ({
        runId: row.id,
        tenantId: row.tenant_id,
        status: row.status as RunStatus,
        dueAt: row.due_at,
        recoveries: row.recoveries,
      }),
    ),
    gateways: gateways.map(
      (row): FleetGateway => ({
        id: row.id,
        startedAt: row.started_at,
        beatenAt: row.beaten_at,
        isStopping: row.stopping,
        report: row.report === null ? null : (JSON.parse(row.report) as GatewayReport),
      }),
    ),
  };
}
