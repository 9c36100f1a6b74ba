import type { Position } from "@hsafa/protocol";
import type { accept, EventRecord } from "../core/event-record.ts";

/**
 * Returns the records that a reader at `position` takes, one after the other. `records` are in order; `rule` is that of
 * the place they come from. Records behind a gap are left out, but for a fact that may pass the gap.
 */
export function acceptedRecords(
  position: Position,
  records: readonly EventRecord[],
  rule: typeof accept,
): EventRecord[] {
  const taken: EventRecord[] = [];
  let at = position;
  for (const record of records) {
    if (rule(at, record) !== "take") continue;
    taken.push(record);
    at = record;
  }
  return taken;
}
