/**
 * SQL over a row `c` of tool_calls and a row `d` of devices: whether the device may take the call. The same rule as
 * `mayTakeCall` in core, in two halves, since each has an index of its own.
 */

/** The call names this device. */
export const NAMES_DEVICE = "c.recipient_kind = 'key' and c.recipient_key = d.key";

/** The call may go to any device that fits, and this one fits. `toolMatch`: SQL for "the device offers the tool". */
export function isFitFor(toolMatch: string): string {
  return `c.recipient_kind = 'any' and ${toolMatch} and d.labels @> c.recipient_labels
    and (c.recipient_platform is null or c.recipient_platform = d.platform)`;
}
