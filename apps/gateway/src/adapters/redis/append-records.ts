import { readFileSync } from "node:fs";
import { formatPosition } from "@hsafa/protocol";
import { defineScript } from "@redis/client";
import type { EventRecord } from "../../core/event-record.ts";

export interface AppendParams {
  readonly stream: string;
  readonly channel: string;
  /** The fact below the records, if the stream may lack it. */
  readonly below: EventRecord | null;
  readonly records: readonly EventRecord[];
  readonly recordsMax: number;
  readonly ttlMs: number;
}

/**
 * The command that appends a batch and publishes what was accepted, in one step. It returns the places of the accepted
 * records in the batch, from 1, or 0 for a stream of a lost history. node-redis runs it by EVALSHA, and sends the text
 * when Redis does not know it.
 */
export const appendRecords = defineScript({
  SCRIPT: readFileSync(new URL("append-records.lua", import.meta.url), "utf8"),
  NUMBER_OF_KEYS: 1,
  IS_READ_ONLY: false,
  parseCommand(parser, params: AppendParams) {
    parser.pushKey(params.stream);
    parser.push(params.channel, String(params.recordsMax), String(params.ttlMs));
    const { below } = params;
    if (below === null) parser.push("-", "", "");
    else parser.push(formatPosition(below), below.type, String(below.ts));
    for (const record of params.records) {
      parser.push(
        formatPosition(record),
        record.prev === null ? "-" : formatPosition(record.prev),
        record.type,
        String(record.ts),
        record.payload,
      );
    }
  },
  transformReply: (places: number[]): readonly number[] => places,
});
