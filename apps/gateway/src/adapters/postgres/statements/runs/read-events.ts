import { EVENTS_PAGE_BYTES_MAX } from "../../../../ports/limits.ts";
import type { EventRecord } from "../../../../core/event-record.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { EVENT_COLUMNS, type EventRow, eventRecord } from "../../event-rows.ts";
import { tenantStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/**
 * Bytes are summed in the database, so that a page of large payloads is never brought here only to be cut. The first
 * record passes whatever its size.
 */
function readEventsText(which: string): string {
  return `
select ${EVENT_COLUMNS} from (
  select *, sum(octet_length(payload::text)) over (order by seq, sub rows between unbounded preceding and 1 preceding) as bytes_before
  from (
    select * from run_events
    where run_id = :runId and tenant_id = :tenantId and ${which}
    order by seq, sub limit :limit
  ) as page
) as measured
where coalesce(bytes_before, 0) < ${EVENTS_PAGE_BYTES_MAX}
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

type Params = Parameters<TenantStore["readEvents"]>[0];

export async function readEvents(sql: Sql, tenantId: string, params: Params): Promise<readonly EventRecord[]> {
  const { runId, after, limit, factsOnly } = params;
  const of = { tenantId, runId, afterSeq: after.seq, limit };
  const rows = await sql.query<EventRow>(factsOnly ? READ_FACTS(of) : READ_EVENTS({ ...of, afterSub: after.sub }));
  return rows.map(eventRecord);
}
