import type { Scope } from "@hsafa/protocol";
import { v7 } from "uuid";
import type { ApiKeyOwner, FleetStore } from "../../../../ports/fleet-store.ts";
import { fleetStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type Sql } from "../../sql.ts";

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly name: string;
  readonly scopes: Scope[];
}

const FIND_API_KEY = fleetStatement({
  name: "find-api-key",
  parameters: { keyHash: "text" },
  text: "select id::text, tenant_id::text, name, scopes from api_keys where key_hash = :keyHash and revoked_at is null",
});

/** A tenant and a key that are there stay as they are. Two statements that make one collide; the second finds it. */
const ENSURE_API_KEY = fleetStatement({
  name: "ensure-api-key",
  parameters: {
    tenantName: "text",
    newTenantId: "uuid",
    newKeyId: "uuid",
    keyHash: "text",
    name: "text",
    scopes: "text[]",
  },
  text: `
with known as (select id, tenant_id, name, scopes from api_keys where key_hash = :keyHash),
tenant as (select id from tenants where name = :tenantName),
made_tenant as (
  insert into tenants (id, name)
  select :newTenantId, :tenantName where not exists (select from tenant) and not exists (select from known)
  returning id
),
made as (
  insert into api_keys (id, tenant_id, name, key_hash, scopes)
  select :newKeyId, owner.id, :name, :keyHash, :scopes
  from (select id from tenant union all select id from made_tenant) as owner
  where not exists (select from known)
  returning id, tenant_id, name, scopes
)
select id::text, tenant_id::text, name, scopes from known
union all
select id::text, tenant_id::text, name, scopes from made`,
});

export async function findApiKey(
  sql: Sql,
  { keyHash }: Parameters<FleetStore["findApiKey"]>[0],
): Promise<ApiKeyOwner | null> {
  const [row] = await sql.query<Row>(FIND_API_KEY({ keyHash }));
  return row === undefined ? null : owner(row);
}

export async function ensureApiKey(sql: Sql, params: Parameters<FleetStore["ensureApiKey"]>[0]): Promise<ApiKeyOwner> {
  const { tenantName, name, keyHash, scopes } = params;
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<Row>(ENSURE_API_KEY({ tenantName, newTenantId: v7(), newKeyId: v7(), keyHash, name, scopes })),
  );
  if (row === undefined) throw new Error("the key that was made or found is returned");
  return owner(row);
}

function owner(row: Row): ApiKeyOwner {
  return { keyId: row.id, tenantId: row.tenant_id, name: row.name, scopes: row.scopes };
}
