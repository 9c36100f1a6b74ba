/**
 * SQL over a row `c` of tool_calls and a row `d` of devices: whether the device may take the call. The same rule as
 * `mayTakeCall` in core, in two halves, since each has an index of its own.
 */

/** SQL, with the device's session `s` beside: whether the device may take calls of the call's run. As `mayServe`. */
export const MAY_SERVE = `(d.subject is null or c.subject is null or d.subject = c.subject)
    and (s.only_run_id is null or s.only_run_id = c.run_id or exists (
      select from runs r where r.id = c.run_id and r.tenant_id = c.tenant_id and r.root_run_id = s.only_run_id
    ))
    and (s.only_thread_id is null or exists (
      select from runs r
      where r.id = c.run_id and r.tenant_id = c.tenant_id and s.only_thread_id in (r.thread_id, r.root_thread_id)
    ))`;

/** The call names this device. An approved one names it as it was when a person was asked. */
export const NAMES_DEVICE = `c.recipient_kind = 'key' and c.recipient_key = d.key
    and (c.recipient_device_id is null or (c.recipient_device_id = d.id and case
      when c.recipient_owner_id is null then c.recipient_owner is not distinct from d.owner
      else c.recipient_owner_id is not distinct from d.owner_id
    end))`;

/** The call may go to any device that fits, and this one fits. `toolMatch`: SQL for "the device offers the tool". */
export function isFitFor(toolMatch: string): string {
  return `c.recipient_kind = 'any' and d.is_pooled and ${toolMatch} and d.labels @> c.recipient_labels
    and (c.recipient_platform is null or c.recipient_platform = d.platform)`;
}
