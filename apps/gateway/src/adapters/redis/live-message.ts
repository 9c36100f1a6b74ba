/**
 * The text that travels on a run's channel. A gateway rebuilds the records from it without parsing any payload. It is a
 * line for each record,
 *
 *     <seq>-<sub> <prev, or -> <type> <ts> <payload>
 *
 * or a progress event after a word with which no record begins. A payload is JSON as `JSON.stringify` writes it, so it
 * contains no newline.
 */
import { type EventType, type Position, parsePosition } from "@hsafa/protocol";
import type { EventRecord } from "../../core/event-record.ts";
import type { LiveMessage } from "../../ports/live-log.ts";

const PROGRESS = "progress ";

/** Writes a progress event. */
export function progressText(json: string): string {
  return PROGRESS + json;
}

/** Reads a message. Returns `resync` for one that cannot be read, because the store has what it meant to say. */
export function parseLiveMessage(message: string): LiveMessage {
  if (message.startsWith(PROGRESS)) return { kind: "progress", json: message.slice(PROGRESS.length) };
  const records: EventRecord[] = [];
  for (let start = 0; start <= message.length; ) {
    const newline = message.indexOf("\n", start);
    const end = newline === -1 ? message.length : newline;
    const record = parseLine(message, start, end);
    if (record === null) return { kind: "resync" };
    records.push(record);
    start = end + 1;
  }
  return { kind: "records", records };
}

function parseLine(message: string, start: number, end: number): EventRecord | null {
  const idEnd = message.indexOf(" ", start);
  const prevEnd = message.indexOf(" ", idEnd + 1);
  const typeEnd = message.indexOf(" ", prevEnd + 1);
  const tsEnd = message.indexOf(" ", typeEnd + 1);
  if (idEnd === -1 || prevEnd === -1 || typeEnd === -1 || tsEnd === -1 || tsEnd >= end) return null;
  return recordOf({
    id: message.slice(start, idEnd),
    prev: message.slice(idEnd + 1, prevEnd),
    type: message.slice(prevEnd + 1, typeEnd),
    ts: message.slice(typeEnd + 1, tsEnd),
    payload: message.slice(tsEnd + 1, end),
  });
}

/** Returns the record of these texts, or null where they are not what hsafa writes. */
export function recordOf(texts: {
  readonly id: string;
  /** `-`: it has none. */
  readonly prev: string;
  readonly type: string;
  readonly ts: string;
  readonly payload: string;
}): EventRecord | null {
  const position = parsePosition(texts.id);
  const prev: Position | null = texts.prev === "-" ? null : parsePosition(texts.prev);
  const ts = Number(texts.ts);
  if (position === null || (prev === null && texts.prev !== "-") || !Number.isSafeInteger(ts)) return null;
  return { ...position, prev, type: texts.type as EventType, ts, payload: texts.payload };
}
