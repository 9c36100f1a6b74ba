import type { ApiKey, Scope } from "@hsafa/protocol";
import { KEYS_PER_TENANT_MAX, REVOCATION_KEPT_MS, REVOCATIONS_PER_TENANT_MAX } from "../../../../ports/limits.ts";
import type { RotateKeyOutcome, TenantKeys } from "../../../../ports/tenant-keys.ts";
import { tenantStatement } from "../../statement.ts";
import type { TenantSql } from "../../sql.ts";
import { millis, isoTime } from "../../times.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { ACTOR, actorText, audited } from "../audit/audited.ts";

/** A key as it is kept. Times are in ms. */
export interface ApiKeyRow {
  readonly id: string;
  readonly name: string;
  readonly scopes: Scope[];
  readonly subject: string | null;
  readonly groups: string[];
  readonly created_by: string | null;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly last_used_at: number | null;
  readonly revoked_at: number | null;
  readonly former_until: number | null;
}

const TIMES = ["created_at", "expires_at", "last_used_at", "revoked_at", "former_until"];
const COLUMNS = `id::text, name, scopes, subject, groups, created_by, ${TIMES.map((column) => `${millis(column)} as ${column}`).join(", ")}`;
const IS_TAKEN = "revoked_at is null and (expires_at is null or expires_at > now())";

const HAS_ROOM = `(
  select count(*) from revocations where tenant_id = :tenantId and kind in ('secret', 'subject', 'device')
) < ${REVOCATIONS_PER_TENANT_MAX}`;

const KEY_TARGETS = { keyId: "id", keyName: "name" };

/** A repeat finds the key that the first one made. */
const CREATE_API_KEY = tenantStatement({
  name: "create-api-key",
  parameters: {
    keyId: "uuid",
    name: "text",
    keyHash: "text",
    scopes: "text[]",
    subject: "text?",
    groups: "text[]",
    createdBy: "text",
    expiresInMs: "float8?",
    ...ACTOR,
  },
  text: `
with made as (
  insert into api_keys (id, tenant_id, name, key_hash, scopes, subject, groups, created_by, expires_at)
  select :keyId, :tenantId, :name, :keyHash, :scopes, :subject, :groups, :createdBy, now() + :expiresInMs * interval '1 millisecond'
  where (
    select count(*) from api_keys
    where tenant_id = :tenantId and (revoked_at is null or revoked_at > now() - interval '${REVOCATION_KEPT_MS} milliseconds')
  ) < ${KEYS_PER_TENANT_MAX}
  on conflict (id) do nothing
  returning *
),
${audited({
  action: "key.create",
  outcome: "'created'",
  targets: { ...KEY_TARGETS, subject: "subject" },
  details: { scopes: "scopes", expiresAt: isoTime("expires_at") },
  from: "made",
})}
select ${COLUMNS} from made
union all
select ${COLUMNS} from api_keys where tenant_id = :tenantId and id = :keyId`,
});

/** The former secret ends by a revocation that is due with the overlap, and so do connections that it opened. */
const ROTATE_API_KEY = tenantStatement({
  name: "rotate-api-key",
  parameters: { keyId: "uuid", keyHash: "text", overlapMs: "float8", ...ACTOR },
  text: `
with before as (
  select id, key_hash, former_hash, former_until from api_keys
  where tenant_id = :tenantId and id = :keyId and origin is null and ${IS_TAKEN} and key_hash <> :keyHash and ${HAS_ROOM}
  for update
),
changed as (
  update api_keys k set
    key_hash = :keyHash,
    former_hash = before.key_hash,
    former_until = now() + :overlapMs * interval '1 millisecond'
  from before where k.id = before.id
  returning k.*
),
ending as (
  select key_hash as hash, now() + :overlapMs * interval '1 millisecond' as due from before
  union all
  select former_hash, now() from before where former_until > now()
),
noted as (
  select count(record_revocation(:tenantId, 'secret', ending.hash, ending.due)) as count from ending
),
${audited({
  action: "key.rotate",
  outcome: "'rotated'",
  targets: KEY_TARGETS,
  details: { formerSecretUntil: isoTime("former_until") },
  from: "changed",
})}
select ${COLUMNS} from changed, noted
union all
select ${COLUMNS} from api_keys
where tenant_id = :tenantId and id = :keyId and key_hash = :keyHash and ${IS_TAKEN}`,
});

const FIND_ORIGIN = tenantStatement({
  name: "find-key-origin",
  parameters: { keyId: "uuid" },
  text: `select origin from api_keys where tenant_id = :tenantId and id = :keyId and ${IS_TAKEN}`,
});

/** A trigger notes the revocation. */
const REVOKE_API_KEY = tenantStatement({
  name: "revoke-api-key",
  parameters: { keyId: "uuid", ...ACTOR },
  text: `
with changed as (
  update api_keys set revoked_at = now() where tenant_id = :tenantId and id = :keyId and revoked_at is null
  returning id, name
),
${audited({ action: "key.revoke", outcome: "'revoked'", targets: KEY_TARGETS, from: "changed" })}
select id from api_keys where tenant_id = :tenantId and id = :keyId`,
});

const REVOKE_TOKENS = tenantStatement({
  name: "revoke-tokens",
  parameters: { kind: "text", subject: "text", ...ACTOR },
  text: `
with noted as materialized (
  select record_revocation(:tenantId, :kind, :subject, now()) as number
  where :kind = 'tokens'
    or exists (select from revocations where tenant_id = :tenantId and kind = :kind and subject = :subject)
    or ${HAS_ROOM}
),
${audited({
  action: "token.revoke",
  outcome: "'revoked'",
  targets: {
    subject: "case :kind when 'subject' then :subject end",
    deviceKey: "case :kind when 'device' then :subject end",
  },
  from: "noted",
})}
select number from noted`,
});

/** Lists keys, newest first. */
export const LIST_API_KEYS = tenantStatement({
  name: "list-api-keys",
  parameters: { after: "uuid", take: "int" },
  text: `
select ${COLUMNS} from api_keys where tenant_id = :tenantId and id < :after order by id desc limit :take`,
});

/** A key as the API shows it. */
export function apiKeyOf(row: ApiKeyRow): ApiKey {
  const time = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes,
    subject: row.subject,
    groups: row.groups,
    createdBy: row.created_by,
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: time(row.expires_at),
    lastUsedAt: time(row.last_used_at),
    revokedAt: time(row.revoked_at),
    formerSecretUntil: time(row.former_until),
  };
}

export async function createApiKey(
  sql: TenantSql,
  tenantId: TenantId,
  { by, ...params }: Parameters<TenantKeys["createApiKey"]>[0],
): Promise<ApiKey | null> {
  const [row] = await sql.query<ApiKeyRow>(CREATE_API_KEY({ tenantId, ...params, actor: actorText(by) }));
  return row === undefined ? null : apiKeyOf(row);
}

export async function rotateApiKey(
  sql: TenantSql,
  tenantId: TenantId,
  { by, ...params }: Parameters<TenantKeys["rotateApiKey"]>[0],
): Promise<RotateKeyOutcome> {
  const [row] = await sql.query<ApiKeyRow>(ROTATE_API_KEY({ tenantId, ...params, actor: actorText(by) }));
  if (row !== undefined) return { kind: "rotated", key: apiKeyOf(row) };
  const { keyId } = params;
  const [initial] = await sql.query<{ readonly origin: string | null }>(FIND_ORIGIN({ tenantId, keyId }));
  if (initial === undefined) return { kind: "not_found" };
  return { kind: initial.origin === null ? "too_many" : "initial" };
}

export async function revokeApiKey(
  sql: TenantSql,
  tenantId: TenantId,
  { keyId, by }: Parameters<TenantKeys["revokeApiKey"]>[0],
): Promise<boolean> {
  return (await sql.query(REVOKE_API_KEY({ tenantId, keyId, actor: actorText(by) }))).length > 0;
}

export async function revokeTokens(
  sql: TenantSql,
  tenantId: TenantId,
  { whose, by }: Parameters<TenantKeys["revokeTokens"]>[0],
): Promise<boolean> {
  const subject = whose.kind === "tokens" ? "" : whose.subject;
  return (await sql.query(REVOKE_TOKENS({ tenantId, kind: whose.kind, subject, actor: actorText(by) }))).length > 0;
}
