import { EVENTS_PAGE_BYTES_MAX, EVENTS_PAGE_MAX, LOADED_FACTS_BYTES_MAX } from "../../../../ports/limits.ts";
import type { EventRecord } from "../../../../core/event-record.ts";
import type { FleetStore } from "../../../../ports/fleet-store.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { EVENT_BYTES, EVENT_COLUMNS, type EventRow, eventRecord } from "../../event-rows.ts";
import { tenantStatement } from "../../statement.ts";
import type { Sql, TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

/**
 * Bytes are summed in the database, so that a page of large payloads is never brought here only to be cut. The first
 * record passes whatever its size.
 */
function readEventsText(which: string, fits = `coalesce(bytes_before, 0) < ${EVENTS_PAGE_BYTES_MAX}`): string {
  return `
select ${EVENT_COLUMNS} from (
  select *, sum(${EVENT_BYTES}) over (order by seq, sub rows between unbounded preceding and 1 preceding) as bytes_before
  from (
    select * from run_events
    where run_id = :runId and tenant_id = :tenantId and ${which}
    order by seq, sub limit :limit
  ) as page
) as measured
where ${fits}
order by seq, sub`;
}

const READ_EVENTS = tenantStatement({
  name: "read-events",
  parameters: { runId: "uuid", afterSeq: "int", afterSub: "int", limit: "int" },
  text: readEventsText("(seq, sub) > (:afterSeq, :afterSub)"),
});

/** Facts have `sub` 0, so none stands between a position and the next seq. */
const READ_FACTS = tenantStatement({
  name: "read-facts",
  parameters: { runId: "uuid", afterSeq: "int", limit: "int" },
  text: readEventsText("sub = 0 and seq > :afterSeq"),
});

const FIRST_FACTS = tenantStatement({
  name: "first-facts",
  parameters: { runId: "uuid", limit: "int" },
  text: readEventsText("sub = 0", `coalesce(bytes_before, 0) + ${EVENT_BYTES} <= ${LOADED_FACTS_BYTES_MAX}`),
});

type Params = Parameters<TenantStore["readEvents"]>[0];

export async function readEvents(sql: TenantSql, tenantId: TenantId, params: Params): Promise<readonly EventRecord[]> {
  const { runId, after, limit, factsOnly } = params;
  const of = { tenantId, runId, afterSeq: after.seq, limit };
  const rows = await sql.query<EventRow>(factsOnly ? READ_FACTS(of) : READ_EVENTS({ ...of, afterSub: after.sub }));
  return rows.map(eventRecord);
}

export async function readFacts(
  sql: Sql,
  { tenantId, runId, afterSeq }: Parameters<FleetStore["readFacts"]>[0],
): ReturnType<FleetStore["readFacts"]> {
  const rows = await sql.query<EventRow>(READ_FACTS({ tenantId, runId, afterSeq, limit: EVENTS_PAGE_MAX }));
  return rows.map(eventRecord);
}

/** The facts that come with a loaded run. */
export async function firstFacts(
  sql: Sql,
  { tenantId, runId }: { readonly tenantId: TenantId; readonly runId: string },
): Promise<readonly EventRecord[]> {
  const rows = await sql.query<EventRow>(FIRST_FACTS({ tenantId, runId, limit: EVENTS_PAGE_MAX }));
  return rows.map(eventRecord);
}
