import type { FleetKeys } from "../../../../ports/fleet-keys.ts";
import { REVOCATIONS_PAGE_MAX } from "../../../../ports/limits.ts";
import type { Revocation, Revoked } from "../../../../ports/revocation.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

interface Row {
  readonly number: string;
  readonly tenant_id: TenantId;
  readonly kind: Revoked;
  readonly subject: string;
  readonly due_in_ms: number;
}

const READ_NUMBER = fleetStatement({
  name: "read-revocation-number",
  parameters: {},
  text: "select number::text from revocation_state",
});

/** Every gateway asks this often. With nothing new it is one look into an index. */
const READ_REVOCATIONS = fleetStatement({
  name: "read-revocations",
  parameters: { after: "bigint" },
  text: `
select number::text, tenant_id::text, kind, subject,
  greatest(0, extract(epoch from revoked_at - now()) * 1000)::float8 as due_in_ms
from revocations where number > :after order by number limit ${REVOCATIONS_PAGE_MAX}`,
});

export async function readRevocationNumber(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ readonly number: string }>(READ_NUMBER({}));
  return Number(row?.number ?? 0);
}

export async function readRevocations(
  sql: Sql,
  { after }: Parameters<FleetKeys["readRevocations"]>[0],
): Promise<readonly Revocation[]> {
  const rows = await sql.query<Row>(READ_REVOCATIONS({ after: String(after) }));
  return rows.map(({ number, tenant_id: tenantId, kind, subject, due_in_ms: dueInMs }) => ({
    number: Number(number),
    tenantId,
    kind,
    subject,
    dueInMs,
  }));
}
