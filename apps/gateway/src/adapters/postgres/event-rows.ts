import type { EventType } from "@hsafa/protocol";
import type { EventRecord } from "../../core/event-record.ts";
import { millis } from "./times.ts";
import type { ValuesOf } from "./statement.ts";

/** SQL: the columns of `run_events` as a select list. A payload is text, and is never parsed on its way. */
export const EVENT_COLUMNS = `seq, sub, prev_seq, prev_sub, type, payload::text as payload, ${millis("created_at")} as ts`;

/** SQL: the size of an event's payload. One that was written without it is measured. */
export const EVENT_BYTES = "coalesce(bytes, octet_length(payload::text))";

export interface EventRow {
  readonly seq: number;
  readonly sub: number;
  readonly prev_seq: number | null;
  readonly prev_sub: number | null;
  readonly type: EventType;
  readonly payload: string;
  readonly ts: number;
}

export function eventRecord(row: EventRow): EventRecord {
  const { seq, sub, prev_seq, prev_sub, type, payload, ts } = row;
  return {
    seq,
    sub,
    prev: prev_seq === null || prev_sub === null ? null : { seq: prev_seq, sub: prev_sub },
    type,
    ts,
    payload,
  };
}

/** Parameters of a statement that writes events: one array for each column. */
export const EVENT_PARAMETERS = {
  eventSeqs: "int[]",
  eventSubs: "int[]",
  eventPrevSeqs: "int[]",
  eventPrevSubs: "int[]",
  eventTypes: "text[]",
  eventPayloads: "text[]",
  eventTimes: "float8[]",
} as const;

/** SQL: those arrays as rows `e`. */
export const EVENTS = `unnest(
    :eventSeqs, :eventSubs, :eventPrevSeqs, :eventPrevSubs, :eventTypes, :eventPayloads, :eventTimes
  ) as e (seq, sub, prev_seq, prev_sub, type, payload, ts)`;

/**
 * The records as values of those parameters. They are in key order, so that two writers of the same keys wait in one
 * line and do not lock each other out.
 */
export function eventValues(records: readonly EventRecord[]): ValuesOf<typeof EVENT_PARAMETERS> {
  const ordered = records.toSorted((a, b) => a.seq - b.seq || a.sub - b.sub);
  return {
    eventSeqs: ordered.map((record) => record.seq),
    eventSubs: ordered.map((record) => record.sub),
    eventPrevSeqs: ordered.map((record) => record.prev?.seq ?? null),
    eventPrevSubs: ordered.map((record) => record.prev?.sub ?? null),
    eventTypes: ordered.map((record) => record.type),
    eventPayloads: ordered.map((record) => record.payload),
    eventTimes: ordered.map((record) => record.ts),
  };
}
