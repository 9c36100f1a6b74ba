import { isId, type Page } from "@hsafa/protocol";
import type { TenantId } from "../../../../core/tenant-id.ts";
import type { FleetTenants, TenantRecord } from "../../../../ports/fleet-tenants.ts";
import { readPage } from "../../page.ts";
import type { Sql } from "../../sql.ts";
import { fleetStatement } from "../../statement.ts";
import { millis } from "../../times.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

interface Row {
  readonly id: TenantId;
  readonly name: string;
  readonly created_at: number;
  readonly disabled_at: number | null;
}

const TARGETS = { tenantId: "id", tenant: "name" };
const COLUMNS = `id::text, name, ${millis("created_at")} as created_at, ${millis("disabled_at")} as disabled_at`;

/** A repeat finds the tenant that the first one made. */
const CREATE_TENANT = fleetStatement({
  name: "create-tenant",
  parameters: { tenantId: "uuid", name: "text", ...ACTOR },
  text: `
with made as (
  insert into tenants (id, name) values (:tenantId, :name) on conflict do nothing returning *
),
${audited({ action: "tenant.create", outcome: "'created'", targets: TARGETS, from: "made" })}
select ${COLUMNS} from made
union all
select ${COLUMNS} from tenants where id = :tenantId`,
});

const LIST_TENANTS = fleetStatement({
  name: "list-tenants",
  parameters: { after: "uuid?", take: "int" },
  text: `select ${COLUMNS} from tenants where :after is null or id < :after order by id desc limit :take`,
});

const FIND_TENANT = fleetStatement({
  name: "find-tenant",
  parameters: { id: "uuid?", name: "text?" },
  text: `select ${COLUMNS} from tenants where id = :id or name = :name`,
});

/** A trigger notes the change among the revocations. */
const SET_TENANT_DISABLED = fleetStatement({
  name: "set-tenant-disabled",
  parameters: { tenantId: "uuid", isDisabled: "bool", ...ACTOR },
  text: `
with changed as (
  update tenants set disabled_at = case when :isDisabled then now() end
  where id = :tenantId and (disabled_at is not null) <> :isDisabled
  returning *
),
${audited({
  action: { sql: "case when :isDisabled then 'tenant.disable' else 'tenant.enable' end" },
  outcome: "case when :isDisabled then 'disabled' else 'enabled' end",
  targets: TARGETS,
  from: "changed",
})}
select ${COLUMNS} from changed
union all
select ${COLUMNS} from tenants where id = :tenantId and (disabled_at is not null) = :isDisabled`,
});

export async function createTenant(
  sql: Sql,
  { by, ...params }: Parameters<FleetTenants["createTenant"]>[0],
): Promise<TenantRecord | null> {
  const [row] = await sql.query<Row>(CREATE_TENANT({ ...params, actor: actorText(by) }));
  return row === undefined ? null : tenantOf(row);
}

export function listTenants(sql: Sql, params: Parameters<FleetTenants["listTenants"]>[0]): Promise<Page<TenantRecord>> {
  return readPage(params, ({ after = null, take }) => sql.query<Row>(LIST_TENANTS({ after, take })), tenantOf);
}

export async function findTenant(
  sql: Sql,
  { idOrName }: Parameters<FleetTenants["findTenant"]>[0],
): Promise<TenantRecord | null> {
  const which = isId(idOrName) ? { id: idOrName, name: null } : { id: null, name: idOrName };
  const [row] = await sql.query<Row>(FIND_TENANT(which));
  return row === undefined ? null : tenantOf(row);
}

export async function setTenantDisabled(
  sql: Sql,
  { by, ...params }: Parameters<FleetTenants["setTenantDisabled"]>[0],
): Promise<TenantRecord | null> {
  const [row] = await sql.query<Row>(SET_TENANT_DISABLED({ ...params, actor: actorText(by) }));
  return row === undefined ? null : tenantOf(row);
}

function tenantOf(row: Row): TenantRecord {
  return {
    id: row.id,
    name: row.name,
    createdAt: new Date(row.created_at).toISOString(),
    disabledAt: row.disabled_at === null ? null : new Date(row.disabled_at).toISOString(),
  };
}
