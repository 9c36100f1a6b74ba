import type { FleetStore } from "../../../../ports/fleet-store.ts";
import type { Sql } from "../../sql.ts";

/**
 * No lease ends later than one that began now, which keeps this to what is held; rows are locked in the order of their
 * ids, as renewals do.
 */
const RELEASE_CLAIMS = {
  name: "release-claims",
  text: `
with taken as (
  select id from runs
  where epoch > 0 and wake_at <= now() + $3::float8 * interval '1 millisecond' and lease_owner = $1 and claim_number = any($2::int[])
  order by id for no key update
)
update runs r set lease_owner = null, wake_at = now() from taken where r.id = taken.id`,
};

type Params = Parameters<FleetStore["releaseClaims"]>[0];

export async function releaseClaims(sql: Sql, { gatewayId, leaseDurationMs, claimNumbers }: Params): Promise<void> {
  await sql.query(RELEASE_CLAIMS, [gatewayId, claimNumbers, leaseDurationMs]);
}
