import { EVENTS_PAGE_BYTES_MAX } from "../../../../ports/limits.ts";
import type { EventRecord } from "../../../../core/event-record.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { EVENT_COLUMNS, type EventRow, eventRecord } from "../../event-rows.ts";
import type { Sql } from "../../sql.ts";

/**
 * Bytes are summed in the database, so that a page of large payloads is never brought here only to be cut; the first
 * record passes whatever its size.
 */
function readEventsText(which: string): string {
  return `
select ${EVENT_COLUMNS} from (
  select *, sum(octet_length(payload::text)) over (order by seq, sub rows between unbounded preceding and 1 preceding) as bytes_before
  from (
    select * from run_events
    where run_id = $2::uuid and tenant_id = $1::uuid and ${which}
    order by seq, sub limit $5::int
  ) as page
) as measured
where coalesce(bytes_before, 0) < ${EVENTS_PAGE_BYTES_MAX}
order by seq, sub`;
}

const READ_EVENTS = { name: "read-events", text: readEventsText("(seq, sub) > ($3::int, $4::int)") };
const READ_FACTS = {
  name: "read-facts",
  text: readEventsText("sub = 0 and seq > $3::int and $4::int is not null"),
};

type Params = Parameters<TenantStore["readEvents"]>[0];

export async function readEvents(sql: Sql, tenantId: string, params: Params): Promise<readonly EventRecord[]> {
  const { runId, after, limit, factsOnly } = params;
  const rows = await sql.query<EventRow>(factsOnly ? READ_FACTS : READ_EVENTS, [
    tenantId,
    runId,
    after.seq,
    after.sub,
    limit,
  ]);
  return rows.map(eventRecord);
}
