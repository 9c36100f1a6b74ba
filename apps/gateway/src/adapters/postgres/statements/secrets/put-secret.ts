import type { Secret } from "@hsafa/protocol";
import { SECRETS_PER_TENANT_MAX } from "../../../../ports/limits.ts";
import type { PutSecretOutcome, TenantStore } from "../../../../ports/tenant-store.ts";
import { tenantStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type TenantSql } from "../../sql.ts";
import { millis } from "../../times.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

const COLUMNS = `name, set_by, ${millis("created_at")} as created_at, ${millis("updated_at")} as updated_at`;

const PUT_SECRET = tenantStatement({
  name: "put-secret",
  parameters: { secretId: "uuid", name: "text", sealed: "text", setBy: "text", secretsMax: "int", ...ACTOR },
  text: `
with known as (
  update secrets set sealed = :sealed, set_by = :setBy, updated_at = now()
  where tenant_id = :tenantId and name = :name
  returning *
),
made as (
  insert into secrets (id, tenant_id, name, sealed, set_by)
  select :secretId, :tenantId, :name, :sealed, :setBy
  where not exists (select from known) and (select count(*) from secrets where tenant_id = :tenantId) < :secretsMax
  returning *
),
put as (select ${COLUMNS}, false as created from known union all select ${COLUMNS}, true from made),
${audited({
  action: "secret.put",
  outcome: "case when created then 'created' else 'replaced' end",
  targets: { secret: "name" },
  from: "put",
})}
select * from put`,
});

const READ_SECRET = tenantStatement({
  name: "read-secret",
  parameters: { name: "text" },
  text: `
select t.name as tenant_name, s.sealed
from tenants t left join secrets s on s.tenant_id = :tenantId and s.name = :name
where t.id = :tenantId`,
});

const DELETE_SECRET = tenantStatement({
  name: "delete-secret",
  parameters: { name: "text", ...ACTOR },
  text: `
with deleted as (delete from secrets where tenant_id = :tenantId and name = :name returning id, name),
${audited({ action: "secret.delete", outcome: "'deleted'", targets: { secret: "name" }, from: "deleted" })}
select id from deleted`,
});

interface Row {
  readonly name: string;
  readonly set_by: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly created: boolean;
}

export async function putSecret(
  sql: TenantSql,
  tenantId: TenantId,
  { by, ...params }: Parameters<TenantStore["putSecret"]>[0],
): Promise<PutSecretOutcome> {
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<Row>(PUT_SECRET({ tenantId, ...params, secretsMax: SECRETS_PER_TENANT_MAX, actor: actorText(by) })),
  );
  return row === undefined ? { kind: "full" } : { kind: "put", secret: secretOf(row), created: row.created };
}

export async function readSecret(
  sql: TenantSql,
  tenantId: TenantId,
  { name }: Parameters<TenantStore["readSecret"]>[0],
): ReturnType<TenantStore["readSecret"]> {
  const [row] = await sql.query<{ tenant_name: string; sealed: string | null }>(READ_SECRET({ tenantId, name }));
  if (row === undefined) throw new Error("the tenant of a store is there");
  return { tenantName: row.tenant_name, sealed: row.sealed };
}

export async function deleteSecret(
  sql: TenantSql,
  tenantId: TenantId,
  { name, by }: Parameters<TenantStore["deleteSecret"]>[0],
): Promise<boolean> {
  return (await sql.query(DELETE_SECRET({ tenantId, name, actor: actorText(by) }))).length > 0;
}

function secretOf(row: Row): Secret {
  return {
    name: row.name,
    setBy: row.set_by,
    createdAt: new Date(row.created_at).toISOString(),
    updatedAt: new Date(row.updated_at).toISOString(),
  };
}
