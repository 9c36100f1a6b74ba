import type { AuditAction, AuditActor, AuditEntry, AuditOutcome, JsonObject, Page } from "@hsafa/protocol";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { type Asked, filteredStatements } from "../../filtered-statements.ts";
import { BEFORE_ALL_IDS, BEYOND_ALL_IDS, indexRange, ofValue } from "../../index-range.ts";
import { ID_MS_MAX } from "../../limits.ts";
import { readPage } from "../../page.ts";
import type { TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";
import { millis } from "../../times.ts";

/** Each has an index with the ids of its entries behind it. */
const FILTERS = {
  action: ofValue("action", ":action", { action: "text" }),
  subject: ofValue("subject", ":subject", { subject: "text" }),
  key: ofValue("key_id", ":keyId", { keyId: "text" }),
} as const;

/** An id begins with the time of its entry, so the ids tell which entries are of a time. */
const listed = filteredStatements({
  name: "list-audit",
  filters: FILTERS,
  part: { after: "uuid", from: "uuid", take: "int" },
  textOf(names) {
    const asked = names.map((name) => FILTERS[name]);
    // Of several filters Postgres knows best which one leaves the fewest.
    const leads = asked.length === 1 ? asked.map(({ lead }) => lead) : [];
    const conditions = asked.length === 1 ? [] : asked.map(({ holds }) => holds);
    const range = indexRange({ leads, id: "id", after: ":after", to: `'${BEFORE_ALL_IDS}'`, order: "desc" });
    return `
select id::text, ${millis("at")} as at, action, outcome, actor, targets, details
from (
  select * from audit_entries
  where ${["tenant_id = :tenantId", ...conditions, range.holds].join(" and ")}
  order by ${range.order} limit :take
) as page
-- All that is older comes behind the first entry that is too old.
where id >= :from
order by page.id desc`;
  },
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
  const { action, subject, keyId, since, until } = params;
  const asked: Asked<typeof FILTERS> = {
    ...(action === undefined ? {} : { action: { action } }),
    ...(subject === undefined ? {} : { subject: { subject } }),
    ...(keyId === undefined ? {} : { key: { keyId } }),
  };
  const from = since === undefined ? BEFORE_ALL_IDS : firstIdOf(since);
  const end = until === undefined ? BEYOND_ALL_IDS : firstIdOf(until);
  return readPage(
    params,
    ({ after = BEYOND_ALL_IDS, take }) =>
      sql.query<Row>(listed(tenantId, asked, { after: after < end ? after : end, from, take })),
    ({ actor, at, ...entry }) => ({ ...entry, at: new Date(at).toISOString(), by: actor }),
  );
}

/** The lowest id of an entry of this time, in ms. */
function firstIdOf(ms: number): string {
  const hex = Math.min(Math.max(0, Math.floor(ms)), ID_MS_MAX)
    .toString(16)
    .padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
