import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * No lease ends later than one that begins now, so `wake_at` keeps this to runs that are held. Rows are locked in the
 * order of their ids, as renewals do.
 */
const RELEASE_CLAIMS = fleetStatement({
  name: "release-claims",
  parameters: { gatewayId: "text", leaseDurationMs: "float8", claimNumbers: "int[]" },
  text: `
with taken as (
  select id from runs
  where epoch > 0 and wake_at <= now() + :leaseDurationMs * interval '1 millisecond'
    and lease_owner = :gatewayId and claim_number = any(:claimNumbers)
  order by id for no key update
)
update runs r set lease_owner = null, wake_at = now() from taken where r.id = taken.id`,
});

type Params = Parameters<FleetStore["releaseClaims"]>[0];

export async function releaseClaims(sql: Sql, { gatewayId, leaseDurationMs, claimNumbers }: Params): Promise<void> {
  await sql.query(RELEASE_CLAIMS({ gatewayId, leaseDurationMs, claimNumbers }));
}
