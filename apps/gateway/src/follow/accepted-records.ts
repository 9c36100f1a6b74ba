import type { Position } from "@hsafa/protocol";
import type { accept, EventRecord } from "../core/event-record.ts";

/**
 * Those of `records` (in order) that a reader at `position` takes, one after another, by the rule for where they come
 * from. What stands behind a gap is left out; a fact that may pass a gap is taken.
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
