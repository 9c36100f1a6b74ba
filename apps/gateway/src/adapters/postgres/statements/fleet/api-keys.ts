import type { Scope } from "@hsafa/protocol";
import { v7 } from "uuid";
import type { ApiKeyOwner, FleetKeys } from "../../../../ports/fleet-keys.ts";
import { GATEWAY_ACTOR } from "../../../../ports/gateway-actor.ts";
import { KEY_USE_COARSE_MS } from "../../../../ports/limits.ts";
import { fleetStatement } from "../../statement.ts";
import { repeatOnUniqueViolation, type Sql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

interface OwnerRow {
  readonly id: string;
  readonly tenant_id: TenantId;
  readonly name: string;
  readonly scopes: Scope[];
  readonly subject: string | null;
  readonly groups: string[];
  readonly expires_in_ms: number | null;
}

const IS_TAKEN = "revoked_at is null and (expires_at is null or expires_at > now())";

const FIND_API_KEY = fleetStatement({
  name: "find-api-key",
  parameters: { keyHash: "text" },
  text: `
select id::text, tenant_id::text, name, scopes, subject, groups,
  (extract(epoch from least(expires_at, case when key_hash <> :keyHash then former_until end) - now()) * 1000)::float8
    as expires_in_ms
from (
  -- Each is looked up by its own index.
  select * from api_keys where key_hash = :keyHash
  union all
  select * from api_keys where former_hash = :keyHash and key_hash <> :keyHash and former_until > now()
) as found
where ${IS_TAKEN}
  and not exists (select from tenants t where t.id = tenant_id and t.disabled_at is not null)`,
});

/** SQL: the origins that `ends` names. */
const IS_ENDED_ORIGIN = "(origin = any(:ends) or split_part(origin, ':', 1) = any(:ends))";

const KEY_TARGETS = { keyId: "id", keyName: "name" };

/** SQL: the entries of the initial keys that `ended` names. */
const AUDITED_ENDS = audited({
  name: "audited_ends",
  action: "key.revoke",
  outcome: "'revoked'",
  targets: KEY_TARGETS,
  from: "ended",
  tenantId: "tenant_id",
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
    origin: "text?",
    ends: "text[]",
    ...ACTOR,
  },
  text: `
with known as (select id, tenant_id, revoked_at is not null as is_revoked from api_keys where key_hash = :keyHash),
tenant as (select id from tenants where name = :tenantName),
made_tenant as (
  insert into tenants (id, name)
  select :newTenantId, :tenantName where not exists (select from tenant) and not exists (select from known)
  returning id
),
made as (
  insert into api_keys (id, tenant_id, name, key_hash, scopes, origin)
  select :newKeyId, owner.id, :name, :keyHash, :scopes, :origin
  from (select id from tenant union all select id from made_tenant) as owner
  where not exists (select from known)
  returning id, tenant_id, name, scopes
),
marked as (
  update api_keys set origin = :origin
  where key_hash = :keyHash and revoked_at is null and :origin is not null and origin is distinct from :origin
),
ended as (
  update api_keys set revoked_at = now()
  where revoked_at is null and key_hash <> :keyHash and ${IS_ENDED_ORIGIN}
    and not exists (select from known where is_revoked)
  returning id, tenant_id, name
),
${audited({
  name: "audited_tenant",
  action: "tenant.create",
  outcome: "'created'",
  targets: { tenantId: "id", tenant: ":tenantName" },
  from: "made_tenant",
  tenantId: "id",
})},
${audited({
  name: "audited_key",
  action: "key.create",
  outcome: "'created'",
  targets: KEY_TARGETS,
  details: { scopes: "scopes" },
  from: "made",
  tenantId: "tenant_id",
})},
${AUDITED_ENDS}
select id::text, tenant_id::text, is_revoked from known
union all
select id::text, tenant_id::text, false from made`,
});

const END_INITIAL_KEYS = fleetStatement({
  name: "end-initial-keys",
  parameters: { ends: "text[]", ...ACTOR },
  text: `
with ended as (
  update api_keys set revoked_at = now() where revoked_at is null and ${IS_ENDED_ORIGIN} returning id, tenant_id, name
),
${AUDITED_ENDS}
select exists (select from api_keys where ${IS_TAKEN} and not id = any(array(select id from ended))) as is_key_left`,
});

const RECORD_KEY_USE = fleetStatement({
  name: "record-key-use",
  parameters: { keyIds: "uuid[]" },
  text: `
update api_keys set last_used_at = now()
where id = any(:keyIds)
  and (last_used_at is null or last_used_at < now() - interval '${KEY_USE_COARSE_MS} milliseconds')`,
});

export async function findApiKey(
  sql: Sql,
  { keyHash }: Parameters<FleetKeys["findApiKey"]>[0],
): Promise<ApiKeyOwner | null> {
  const [row] = await sql.query<OwnerRow>(FIND_API_KEY({ keyHash }));
  if (row === undefined) return null;
  const { id: keyId, tenant_id: tenantId, name, scopes, subject, groups, expires_in_ms: expiresInMs } = row;
  return { keyId, tenantId, name, scopes, subject, groups, expiresInMs };
}

export async function ensureApiKey(
  sql: Sql,
  params: Parameters<FleetKeys["ensureApiKey"]>[0],
): ReturnType<FleetKeys["ensureApiKey"]> {
  const { tenantName, name, keyHash, scopes, origin = null, ends = [] } = params;
  const made = { newTenantId: v7(), newKeyId: v7() };
  const [row] = await repeatOnUniqueViolation(() =>
    sql.query<{ readonly id: string; readonly tenant_id: TenantId; readonly is_revoked: boolean }>(
      ENSURE_API_KEY({ tenantName, ...made, keyHash, name, scopes, origin, ends, actor: actorText(GATEWAY_ACTOR) }),
    ),
  );
  if (row === undefined) throw new Error("the key that was made or found is returned");
  return { keyId: row.id, tenantId: row.tenant_id, isRevoked: row.is_revoked };
}

export async function endInitialKeys(
  sql: Sql,
  { ends }: Parameters<FleetKeys["endInitialKeys"]>[0],
): ReturnType<FleetKeys["endInitialKeys"]> {
  const [row] = await sql.query<{ readonly is_key_left: boolean }>(
    END_INITIAL_KEYS({ ends, actor: actorText(GATEWAY_ACTOR) }),
  );
  return { isKeyLeft: row?.is_key_left === true };
}

export async function recordKeyUse(sql: Sql, { keyIds }: Parameters<FleetKeys["recordKeyUse"]>[0]): Promise<void> {
  await sql.query(RECORD_KEY_USE({ keyIds }));
}
