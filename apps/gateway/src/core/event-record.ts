import {
  comparePositions,
  type EventType,
  type Fact,
  formatPlace,
  isTerminalType,
  type Position,
} from "@hsafa/protocol";

/**
 * An event with its place in the run, in the one form that the stores, the live log and the watchers share. `payload`
 * is the JSON text of `data`. It is serialised once, when the event gets its position, and never parsed on the way.
 */
export interface EventRecord {
  readonly seq: number;
  /** 0: a fact; above: a delta. */
  readonly sub: number;
  /** A fact's predecessor. Null for a delta, which follows by counting. */
  readonly prev: Position | null;
  readonly type: EventType;
  /** Milliseconds since the epoch, by the database's clock. */
  readonly ts: number;
  readonly payload: string;
}

/** The event as JSON, exactly as a client reads it in this generation of the store. */
export function wireJson(runId: string, record: EventRecord, generation: string): string {
  const prev = record.prev === null ? "" : `"prev":"${formatPlace(record.prev, generation)}",`;
  return `{"id":"${formatPlace(record, generation)}",${prev}"runId":"${runId}","type":"${record.type}","ts":"${new Date(record.ts).toISOString()}","data":${record.payload}}`;
}

/** Reads a fact back from its record. Only hsafa writes records, so the payload is trusted to fit its type. */
export function parseFact(record: EventRecord): Fact {
  const data: unknown = JSON.parse(record.payload);
  return { type: record.type, data } as Fact;
}

/** Whether this is the last event of its run. */
export function isTerminal(record: EventRecord): boolean {
  return record.sub === 0 && isTerminalType(record.type);
}

/** What a reader does with a record that reached it (R8). `gap`: something before it is missing. */
export type Acceptance = "take" | "drop" | "gap";

/**
 * The rule by which a reader at `position` misses nothing (R8). A record not above its position is dropped. A delta is
 * taken only as the direct successor, a fact only if its predecessor was seen.
 */
export function accept(position: Position, record: Pick<EventRecord, "seq" | "sub" | "prev">): Acceptance {
  if (comparePositions(record, position) <= 0) return "drop";
  if (record.prev !== null) return comparePositions(record.prev, position) <= 0 ? "take" : "gap";
  return record.seq === position.seq && record.sub === position.sub + 1 ? "take" : "gap";
}

/**
 * The same rule for a record that Postgres returned after everything that it holds below it. There a fact is always
 * next: its commit carried every delta before it, and what is missing now was compacted or discarded.
 */
export function acceptFromStore(position: Position, record: Pick<EventRecord, "seq" | "sub" | "prev">): Acceptance {
  return record.sub === 0 && comparePositions(record, position) > 0 ? "take" : accept(position, record);
}
