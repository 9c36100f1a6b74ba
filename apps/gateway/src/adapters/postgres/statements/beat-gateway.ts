import type { FleetStore } from "../../../ports/fleet-store.ts";
import type { Sql } from "../sql.ts";

const BEAT_GATEWAY = {
  name: "beat-gateway",
  text: `
insert into gateways (id, stopping) values ($1, $2::bool)
on conflict (id) do update set beaten_at = now(), stopping = excluded.stopping`,
};

const COUNT_LIVE_GATEWAYS = {
  name: "count-live-gateways",
  text: "select count(*)::int as live from gateways where beaten_at > now() - $1::float8 * interval '1 millisecond'",
};

export async function beatGateway(sql: Sql, { gatewayId, stopping }: Parameters<FleetStore["beat"]>[0]): Promise<void> {
  await sql.query(BEAT_GATEWAY, [gatewayId, stopping]);
}

export async function countLiveGateways(sql: Sql, withinMs: number): Promise<number> {
  const [row] = await sql.query<{ live: number }>(COUNT_LIVE_GATEWAYS, [withinMs]);
  return row?.live ?? 0;
}
