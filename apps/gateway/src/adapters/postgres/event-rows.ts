import type { EventType } from "@hsafa/protocol";
import type { EventRecord } from "../../core/event-record.ts";
import type { SqlValue } from "./sql.ts";

/** The columns of `run_events` as a select list. A payload is text here and everywhere: nobody on the way parses it. */
export const EVENT_COLUMNS = `seq, sub, prev_seq, prev_sub, type, payload::text as payload, ${millis("created_at")} as ts`;

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

/**
 * The records as arrays for `unnest`, in key order, so that two writers of the same keys queue up instead of locking
 * each other out.
 */
export function eventArrays(records: readonly EventRecord[]): SqlValue[] {
  const ordered = records.toSorted((a, b) => a.seq - b.seq || a.sub - b.sub);
  return [
    ordered.map((record) => record.seq),
    ordered.map((record) => record.sub),
    ordered.map((record) => record.prev?.seq ?? null),
    ordered.map((record) => record.prev?.sub ?? null),
    ordered.map((record) => record.type),
    ordered.map((record) => record.payload),
    ordered.map((record) => record.ts),
  ];
}

/** `unnest` over those arrays, given as parameters from number `first` on. */
export function eventArraysFrom(first: number): string {
  const parameter = (offset: number, type: string) => `$${first + offset}::${type}[]`;
  return `unnest(${parameter(0, "int")}, ${parameter(1, "int")}, ${parameter(2, "int")}, ${parameter(3, "int")}, ${parameter(4, "text")}, ${parameter(5, "text")}, ${parameter(6, "float8")})
    as e (seq, sub, prev_seq, prev_sub, type, payload, ts)`;
}

/** A time column in milliseconds since the epoch. */
export function millis(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::float8`;
}

/**
 * A parameter in milliseconds as a time; its column rounds to the millisecond, so the way through a fraction of a
 * second loses nothing.
 */
export function time(parameter: string): string {
  return `to_timestamp(${parameter}::float8 / 1000)`;
}
