import type { FleetStore, HeartbeatAnswer } from "../../../../ports/fleet-store.ts";
import { holdsLifeline, takeLifeline } from "../../lifeline.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import { GENERATION_COLUMNS, type GenerationRow, generationOf } from "../../generation-row.ts";

/** SQL: what comes with a heartbeat that was written. */
const READ_ANSWER = `
select ${GENERATION_COLUMNS}, server_started_at is not distinct from pg_postmaster_start_time() as is_judged,
  hsafa_written() as written, (select number::float8 from revocation_state) as last_revocation
from store_state`;

const RECORD_HEARTBEAT = fleetStatement({
  name: "record-heartbeat",
  parameters: { gatewayId: "text", stopping: "bool" },
  text: `
with beat as (
  insert into gateways (id, stopping) values (:gatewayId, :stopping)
  on conflict (id) do update set beaten_at = now(), stopping = excluded.stopping
)
${READ_ANSWER}`,
});

/**
 * The lock belongs to the connection that this runs on. It is taken once: each further grant to the same session would
 * have to be given back by itself.
 */
const RECORD_HEARTBEAT_WITH_LIFELINE = fleetStatement({
  name: "record-heartbeat-with-lifeline",
  parameters: { gatewayId: "text", stopping: "bool" },
  text: `
with lifeline as materialized (
  select case
    when ${holdsLifeline(":gatewayId")} then pg_postmaster_start_time()
    when ${takeLifeline(":gatewayId")} then pg_postmaster_start_time()
  end as held
),
beat as (
  insert into gateways (id, stopping, lifeline) select :gatewayId, :stopping, held from lifeline
  on conflict (id) do update set beaten_at = now(), stopping = excluded.stopping, lifeline = excluded.lifeline
)
${READ_ANSWER}`,
});

const COUNT_LIVE_GATEWAYS = fleetStatement({
  name: "count-live-gateways",
  parameters: { withinMs: "float8" },
  text: "select count(*)::int as live from gateways where beaten_at > now() - :withinMs * interval '1 millisecond'",
});

type Params = Parameters<FleetStore["recordHeartbeat"]>[0];

interface Row extends GenerationRow {
  readonly is_judged: boolean;
  readonly written: number | null;
  readonly last_revocation: number;
}

export async function recordHeartbeat(sql: Sql, { gatewayId, stopping }: Params): Promise<HeartbeatAnswer> {
  return answerOf(await sql.query<Row>(RECORD_HEARTBEAT({ gatewayId, stopping })));
}

/** `pulse`: statements over one connection of this process alone, which stays open as long as the process lives. */
export async function recordHeartbeatWithLifeline(
  pulse: Sql,
  { gatewayId, stopping }: Params,
): Promise<HeartbeatAnswer> {
  return answerOf(await pulse.query<Row>(RECORD_HEARTBEAT_WITH_LIFELINE({ gatewayId, stopping })));
}

function answerOf([row]: readonly Row[]): HeartbeatAnswer {
  if (row === undefined) throw new Error("a heartbeat always returns a row");
  return {
    generation: generationOf(row),
    isJudged: row.is_judged,
    written: row.written,
    lastRevocation: row.last_revocation,
  };
}

export async function countLiveGateways(
  sql: Sql,
  { withinMs }: Parameters<FleetStore["countLiveGateways"]>[0],
): Promise<number> {
  const [row] = await sql.query<{ live: number }>(COUNT_LIVE_GATEWAYS({ withinMs }));
  return row?.live ?? 0;
}
