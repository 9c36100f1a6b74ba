import { INPUTS_PER_DRAIN_MAX } from "../../ports/limits.ts";
import type { DispatchStatus, OutsideInput } from "../../core/input.ts";
import type { Inbox, DispatchContext } from "../../ports/fleet-store.ts";
import { liveGateway } from "./live-gateway.ts";

/** SQL: cancels first, then by age. The rows to sort are bounded by `INBOX_MAX`. */
const CANCEL_FIRST = "i.kind <> 'cancel', i.id";

/**
 * SQL: the inbox and the dispatch context as a select list, over a row `r` of runs and a row `v` of agent_versions. The
 * inputs and their count are read by one statement. JSON comes out as text.
 */
export const INBOX_COLUMNS = `
  r.inbox,
  array(select i.id::text from run_inputs i where i.run_id = r.id and not i.consumed order by ${CANCEL_FIRST} limit ${INPUTS_PER_DRAIN_MAX}) as input_ids,
  array(select i.input::text from run_inputs i where i.run_id = r.id and not i.consumed order by ${CANCEL_FIRST} limit ${INPUTS_PER_DRAIN_MAX}) as inputs,
  (
    select json_object_agg(d.key, d.id)::text from devices d
    where d.tenant_id = r.tenant_id and (d.key = any(v.device_keys) or d.key = r.device_key)
  ) as device_ids,
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
  readonly input_ids: readonly string[];
  readonly inputs: readonly string[];
  readonly device_ids: string | null;
  readonly dispatches: string | null;
}

export function inboxOf(row: InboxRow): Inbox {
  return {
    count: row.inbox,
    inputs: row.inputs.map((text, index) => ({
      inputId: row.input_ids[index] ?? "",
      input: JSON.parse(text) as OutsideInput,
    })),
  };
}

export function dispatchContextOf(row: InboxRow): DispatchContext {
  return {
    deviceIds: row.device_ids === null ? {} : (JSON.parse(row.device_ids) as Record<string, string>),
    dispatches: row.dispatches === null ? {} : (JSON.parse(row.dispatches) as Record<string, DispatchStatus>),
  };
}
