import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { holdsLifeline, takeLifeline } from "../../lifeline.ts";
import type { Sql } from "../../sql.ts";

const BEAT_GATEWAY = {
  name: "beat-gateway",
  text: `
insert into gateways (id, stopping) values ($1, $2::bool)
on conflict (id) do update set beaten_at = now(), stopping = excluded.stopping`,
};

/**
 * The lock belongs to the connection that this runs on. It is taken once: each further grant to the same session would
 * have to be given back by itself.
 */
const BEAT_WITH_LIFELINE = {
  name: "beat-with-lifeline",
  text: `
with lifeline as materialized (
  select case
    when ${holdsLifeline("$1::text")} then pg_postmaster_start_time()
    when ${takeLifeline("$1::text")} then pg_postmaster_start_time()
  end as held
)
insert into gateways (id, stopping, lifeline) select $1, $2::bool, held from lifeline
on conflict (id) do update set beaten_at = now(), stopping = excluded.stopping, lifeline = excluded.lifeline`,
};

const COUNT_LIVE_GATEWAYS = {
  name: "count-live-gateways",
  text: "select count(*)::int as live from gateways where beaten_at > now() - $1::float8 * interval '1 millisecond'",
};

type Params = Parameters<FleetStore["recordHeartbeat"]>[0];

export async function recordHeartbeat(sql: Sql, { gatewayId, stopping }: Params): Promise<void> {
  await sql.query(BEAT_GATEWAY, [gatewayId, stopping]);
}

/** `pulse`: statements over one connection that lives as long as this process and serves nobody else. */
export async function recordHeartbeatWithLifeline(pulse: Sql, { gatewayId, stopping }: Params): Promise<void> {
  await pulse.query(BEAT_WITH_LIFELINE, [gatewayId, stopping]);
}

export async function countLiveGateways(sql: Sql, withinMs: number): Promise<number> {
  const [row] = await sql.query<{ live: number }>(COUNT_LIVE_GATEWAYS, [withinMs]);
  return row?.live ?? 0;
}
