import type { AuditAction, AuditActor, AuditEntry, AuditOutcome, JsonObject, Page } from "@hsafa/protocol";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { readPage } from "../../page.ts";
import type { TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { tenantStatement } from "../../statement.ts";
import { millis } from "../../times.ts";

/** An id begins with the time of its entry, so the ids tell which entries are of a time. */
const LIST_AUDIT = tenantStatement({
  name: "list-audit",
  parameters: {
    action: "text?",
    subject: "text?",
    keyId: "text?",
    sinceId: "uuid?",
    untilId: "uuid?",
    after: "uuid?",
    take: "int",
  },
  text: `
select id::text, ${millis("at")} as at, action, outcome, actor, targets, details
from audit_entries
where tenant_id = :tenantId
  and (:action is null or action = :action)
  and (:subject is null or subject = :subject)
  and (:keyId is null or key_id = :keyId)
  and (:sinceId is null or id >= :sinceId)
  and (:untilId is null or id < :untilId)
  and (:after is null or id < :after)
order by id desc
limit :take`,
});

interface Row {
  readonly id: string;
  readonly at: number;
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  readonly actor: AuditActor;
  readonly targets: Record<string, string>;
  readonly details: JsonObject;
}

export function listAudit(
  sql: TenantSql,
  tenantId: TenantId,
  params: Parameters<TenantStore["listAudit"]>[0],
): Promise<Page<AuditEntry>> {
  const { action = null, subject = null, keyId = null, since, until } = params;
  const [sinceId, untilId] = [firstIdOf(since), firstIdOf(until)];
  return readPage(
    params,
    ({ after = null, take }) =>
      sql.query<Row>(LIST_AUDIT({ tenantId, action, subject, keyId, sinceId, untilId, after, take })),
    ({ actor, at, ...entry }) => ({ ...entry, at: new Date(at).toISOString(), by: actor }),
  );
}

/** The lowest id of an entry of this time, in ms; null for no time. */
function firstIdOf(ms: number | undefined): string | null {
  if (ms === undefined) return null;
  const hex = Math.max(0, Math.floor(ms)).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
