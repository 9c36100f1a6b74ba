import { INBOX_READ_BYTES_MAX, INPUTS_PER_DRAIN_MAX } from "../../ports/limits.ts";
import type { DispatchStatus, KnownDevice } from "../../core/input.ts";
import type { Inbox, DispatchContext, PendingInput } from "../../ports/fleet-store.ts";
import { liveGateway } from "./live-gateway.ts";
import { isMergeable } from "./is-mergeable.ts";

/**
 * SQL: one read of the inbox of a row `r` of runs, as a row `page`. It is `readOfInbox` in SQL. The rows to sort are
 * bounded by `INBOX_MAX`, and large inputs are fetched only if they are read.
 */
export const INBOX_PAGE = `
cross join lateral (
  select
    coalesce(
      json_agg(
        json_build_object('inputId', id::text, 'input', input, 'isGone', kind = 'steer' and not exists (
          select from runs s
          where s.id = (input ->> 'runId')::uuid and s.tenant_id = r.tenant_id and ${isMergeable("s")}
        ))
        order by place
      ) filter (where fits),
      '[]'
    )::text as inputs,
    coalesce(bool_or(kind = 'tool_result' and not fits), false) as results_unread
  from (
    select id, kind, input, place, place <= ${INPUTS_PER_DRAIN_MAX} and bytes_through - bytes < ${INBOX_READ_BYTES_MAX} as fits
    from (
      select i.id, i.kind, i.input, i.bytes, row_number() over line as place, sum(i.bytes) over line as bytes_through
      from run_inputs i where i.run_id = r.id and not i.consumed
      window line as (order by i.kind <> 'cancel', i.kind <> 'tool_result', i.id rows unbounded preceding)
    ) as waiting
  ) as placed
) as page`;

/**
 * SQL: the inbox and the dispatch context as a select list, over a row `r` of runs, a row `v` of agent_versions and
 * `INBOX_PAGE`. The inputs and their count are read by one statement. JSON comes out as text, and inputs as one: the
 * driver reads an array of texts letter by letter, at 20 ms a megabyte.
 */
export const INBOX_COLUMNS = `
  r.inbox, page.inputs, page.results_unread,
  (
    select json_object_agg(d.key, json_build_object('deviceId', d.id, 'owner', d.owner, 'ownerId', d.owner_id))::text
    from (select unnest(v.device_keys) as key union select r.device_key) as named
    cross join lateral (
      select * from devices where tenant_id = r.tenant_id and key = named.key limit 1
    ) as d
  ) as devices,
  (
    select json_object_agg(c.id, json_build_object('sent', c.sent_device_id is not null, 'connected', exists (
      select from device_sessions s
      where s.device_id = c.sent_device_id and s.boot_id = c.sent_boot_id and s.disconnected_at is null and ${liveGateway("s.gateway_id")}
    )))::text
    from tool_calls c
    where c.run_id = r.id and c.status = 'dispatched' and c.recipient_kind is not null
  ) as dispatches`;

export interface InboxRow {
  readonly inbox: number;
  readonly inputs: string;
  readonly results_unread: boolean;
  readonly devices: string | null;
  readonly dispatches: string | null;
}

export function inboxOf(row: InboxRow): Inbox {
  const inputs = JSON.parse(row.inputs) as (PendingInput & { readonly isGone: boolean })[];
  return {
    count: row.inbox,
    inputs: inputs.map(({ inputId, input, isGone }) => ({
      inputId,
      input: input.kind === "steer" && isGone ? { ...input, isGone } : input,
    })),
    resultsUnread: row.results_unread,
  };
}

export function dispatchContextOf(row: InboxRow): DispatchContext {
  return {
    devices: row.devices === null ? {} : (JSON.parse(row.devices) as Record<string, KnownDevice>),
    dispatches: row.dispatches === null ? {} : (JSON.parse(row.dispatches) as Record<string, DispatchStatus>),
  };
}
