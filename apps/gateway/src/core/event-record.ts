import {
  comparePositions,
  type EventType,
  type Fact,
  formatPosition,
  isTerminalType,
  type Position,
} from "@hsafa/protocol";

/**
 * An event with its place in the run, in the one form that the stores, the live log and the watchers share. `payload`
 * is the JSON text of `data`, serialised once, when the event was born; nobody on the way parses it.
 */
export interface EventRecord {
  readonly seq: number;
  /** 0: a fact; above: a delta. */
  readonly sub: number;
  /** The position before it; facts have one, deltas follow by counting. */
  readonly prev: Position | null;
  readonly type: EventType;
  /** Milliseconds since the epoch, by the database's clock. */
  readonly ts: number;
  readonly payload: string;
}

/** The event exactly as a client reads it in the SSE `data` field. */
export function wireJson(runId: string, record: EventRecord): string {
  const prev = record.prev === null ? "" : `"prev":"${formatPosition(record.prev)}",`;
  return `{"id":"${record.seq}-${record.sub}",${prev}"runId":"${runId}","type":"${record.type}","ts":"${new Date(record.ts).toISOString()}","data":${record.payload}}`;
}

/** Reads a fact back from its record. Records are written by hsafa alone, so the payload is trusted to fit its type. */
export function parseFact(record: EventRecord): Fact {
  const data: unknown = JSON.parse(record.payload);
  return { type: record.type, data } as Fact;
}

/** Whether this is the last event of its run. */
export function isTerminal(record: EventRecord): boolean {
  return record.sub === 0 && isTerminalType(record.type);
}

/** What a reader at `position` does with a record that reached it (R8). */
export type Acceptance = "take" | "drop" | "gap";

/**
 * The rule of a reader that misses nothing: ids not above its position are dropped, a delta is taken only as the direct
 * successor, a fact only if its predecessor has been seen.
 */
export function accept(position: Position, record: Pick<EventRecord, "seq" | "sub" | "prev">): Acceptance {
  if (comparePositions(record, position) <= 0) return "drop";
  if (record.prev !== null) return comparePositions(record.prev, position) <= 0 ? "take" : "gap";
  return record.seq === position.seq && record.sub === position.sub + 1 ? "take" : "gap";
}

/**
 * The same for a record that comes from Postgres after everything Postgres holds below it: there a fact is always next,
 * because its commit carried every delta before it and what is missing now was compacted or discarded.
 */
export function acceptFromStore(position: Position, record: Pick<EventRecord, "seq" | "sub" | "prev">): Acceptance {
  return record.sub === 0 && comparePositions(record, position) > 0 ? "take" : accept(position, record);
}
