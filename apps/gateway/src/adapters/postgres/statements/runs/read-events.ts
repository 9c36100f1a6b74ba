import type { Position } from "@hsafa/protocol";
import { EVENTS_PAGE_BYTES_MAX, EVENTS_PAGE_MAX, LOADED_FACTS_BYTES_MAX } from "../../../../ports/limits.ts";
import type { EventRecord } from "../../../../core/event-record.ts";
import type { FleetStore } from "../../../../ports/fleet-store.ts";
import type { TenantStore } from "../../../../ports/tenant-store.ts";
import { EVENT_BYTES, EVENT_COLUMNS, type EventRow, eventRecord } from "../../event-rows.ts";
import { tenantStatement } from "../../statement.ts";
import type { Sql, TenantSql } from "../../sql.ts";
import type { TenantId } from "../../../../core/tenant-id.ts";

const IN_ORDER = "seq, sub";
const NEWEST_FIRST = "seq desc, sub desc";
/** A page ends once it has this many bytes. Its first record passes whatever its size. */
const IN_PAGE = `coalesce(bytes_before, 0) < ${EVENTS_PAGE_BYTES_MAX}`;
/** No position is so high: they have nine digits at most. */
const BEYOND_ALL: Position = { seq: 1_000_000_000, sub: 0 };

/** Bytes are summed in the database, so that a page of large payloads is never brought here only to be cut. */
function readEventsText(which: string, { order = IN_ORDER, fits = IN_PAGE } = {}): string {
  return `
select ${EVENT_COLUMNS} from (
  select *, sum(${EVENT_BYTES}) over (order by ${order} rows between unbounded preceding and 1 preceding) as bytes_before
  from (
    select * from run_events
    where run_id = :runId and tenant_id = :tenantId and ${which}
    order by ${order} limit :limit
  ) as page
) as measured
where ${fits}
order by ${order}`;
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

const READ_EVENTS_BEFORE = tenantStatement({
  name: "read-events-before",
  parameters: { runId: "uuid", beforeSeq: "int", beforeSub: "int", limit: "int" },
  text: readEventsText("(seq, sub) < (:beforeSeq, :beforeSub)", { order: NEWEST_FIRST }),
});

/** The fact of a delta's own number stands before it. */
const READ_FACTS_BEFORE = tenantStatement({
  name: "read-facts-before",
  parameters: { runId: "uuid", beforeSeq: "int", beforeSub: "int", limit: "int" },
  text: readEventsText("sub = 0 and seq < :beforeSeq + (:beforeSub > 0)::int", { order: NEWEST_FIRST }),
});

const FIRST_FACTS = tenantStatement({
  name: "first-facts",
  parameters: { runId: "uuid", limit: "int" },
  text: readEventsText("sub = 0", { fits: `coalesce(bytes_before, 0) + ${EVENT_BYTES} <= ${LOADED_FACTS_BYTES_MAX}` }),
});

type Params = Parameters<TenantStore["readEvents"]>[0];

export async function readEvents(sql: TenantSql, tenantId: TenantId, params: Params): Promise<readonly EventRecord[]> {
  const { runId, after, limit, factsOnly } = params;
  const of = { tenantId, runId, afterSeq: after.seq, limit };
  const rows = await sql.query<EventRow>(factsOnly ? READ_FACTS(of) : READ_EVENTS({ ...of, afterSub: after.sub }));
  return rows.map(eventRecord);
}

export async function readEventsBefore(
  sql: TenantSql,
  tenantId: TenantId,
  { runId, before, limit, factsOnly }: Parameters<TenantStore["readEventsBefore"]>[0],
): Promise<readonly EventRecord[]> {
  const { seq: beforeSeq, sub: beforeSub } = before ?? BEYOND_ALL;
  const read = factsOnly ? READ_FACTS_BEFORE : READ_EVENTS_BEFORE;
  const rows = await sql.query<EventRow>(read({ tenantId, runId, beforeSeq, beforeSub, limit }));
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
