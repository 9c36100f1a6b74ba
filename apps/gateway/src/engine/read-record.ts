import { type EventRecord, parseFact } from "../core/event-record.ts";
import { evolve, initialState } from "../core/evolve.ts";
import { isRecordFull } from "../core/record-size.ts";
import type { RunState } from "../core/run-state.ts";
import type { LoadedRun } from "../ports/fleet-store.ts";
import type { Asked } from "./ask-while-leased.ts";
import { PAGE_ROOM_BYTES } from "./limits.ts";
import type { RunRoom } from "./record-room.ts";

/** A run as its record tells it. */
export interface FoldedRecord {
  readonly state: RunState;
  /** Of the payloads of its facts. */
  readonly bytes: number;
}

/**
 * Reads the rest of a loaded run's record, and folds it page by page: a large one must not keep the loop from others.
 * `record_full`: the run is to end, and the rest of it was not read. `gave_up`: there was no room for it, or the store
 * was away for too long.
 */
export async function readRecord(params: {
  readonly runId: string;
  readonly loaded: Pick<LoadedRun, "config" | "deviceKey" | "facts">;
  /** The seq of the last fact, as of the claim. */
  readonly lastSeq: number;
  readonly readFacts: (afterSeq: number) => Promise<Asked<readonly EventRecord[]>>;
  readonly room: Pick<RunRoom, "reserve" | "has">;
  readonly beforeFold: () => void;
  readonly afterFold: () => void;
}): Promise<Asked<FoldedRecord> | { readonly kind: "record_full" }> {
  const { runId, loaded, lastSeq, readFacts, room, beforeFold, afterFold } = params;
  let record = emptyRecord(runId, loaded);
  let page = loaded.facts;
  while (true) {
    beforeFold();
    const folded = foldPage(record, page);
    afterFold();
    if (folded === null) return { kind: "record_full" };
    record = folded;
    room.has("record", record.bytes);
    const afterSeq = record.state.run.seq;
    if (afterSeq >= lastSeq || (page.length === 0 && page !== loaded.facts)) return { kind: "answered", value: record };
    if (!(await room.reserve(PAGE_ROOM_BYTES))) return { kind: "gave_up" };
    const read = await readFacts(afterSeq);
    if (read.kind !== "answered") return read;
    page = read.value;
  }
}

/**
 * A loaded run without the inputs that wait for it, if its record is to be read on. It may have to wait for room, and
 * reads its inbox again then.
 */
export function lightened(loaded: LoadedRun | null, lastSeq: number): LoadedRun | null {
  if (loaded === null || (loaded.facts.at(-1)?.seq ?? 0) >= lastSeq) return loaded;
  return { ...loaded, inbox: { ...loaded.inbox, inputs: [] } };
}

/** A run before its first fact. */
export function emptyRecord(
  runId: string,
  { config, deviceKey }: Pick<LoadedRun, "config" | "deviceKey">,
): FoldedRecord {
  return { state: initialState({ runId, config, deviceKey }), bytes: 0 };
}

/** Null: the record is full. */
export function foldPage(before: FoldedRecord, page: readonly EventRecord[]): FoldedRecord | null {
  let { state, bytes } = before;
  for (const record of page) {
    bytes += Buffer.byteLength(record.payload);
    if (isRecordFull({ facts: record.seq, bytes })) return null;
    state = evolve(state, parseFact(record), record.ts);
  }
  return { state, bytes };
}
