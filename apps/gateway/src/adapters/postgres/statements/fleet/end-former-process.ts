import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * Ends what a process that died left behind in a database that one process opens at a time. Its leases have no holder
 * and no device is connected, so there is nothing to wait for. The leases keep their owner, so that the claim still
 * counts them as lost.
 */
const END_FORMER_PROCESS = fleetStatement({
  name: "end-former-process",
  parameters: {},
  text: `
with ended as (
  update device_sessions set disconnected_at = now(), reason = 'gateway_lost' where disconnected_at is null
)
update runs set wake_at = now() where lease_owner is not null`,
});

export async function endFormerProcess(sql: Sql): Promise<void> {
  await sql.query(END_FORMER_PROCESS({}));
}
