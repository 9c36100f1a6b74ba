import type { Failure } from "@hsafa/protocol";
import { RECORD_BYTES_MAX, RECORD_FACTS_MAX } from "./limits.ts";

/** The size of a run's record: its facts, and the bytes of their payloads. */
export interface RecordSize {
  readonly facts: number;
  readonly bytes: number;
}

/** Whether a run with such a record is to end. What fills it is still written, whatever its size. */
export function isRecordFull({ facts, bytes }: RecordSize): boolean {
  return facts >= RECORD_FACTS_MAX || bytes >= RECORD_BYTES_MAX;
}

/** Why such a run ends. */
export function recordFull(): Failure {
  const message = `The record of the run has ${RECORD_BYTES_MAX / 1024 / 1024} MiB or ${RECORD_FACTS_MAX} facts, and a run may have no more. Start another run, in the same thread if it is to go on from here.`;
  return { code: "record_full", message };
}
