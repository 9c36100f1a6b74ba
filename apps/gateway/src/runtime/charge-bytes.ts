import { LARGE_MS_PER_MIB, TURN_BYTES_MIN } from "./limits.ts";
import type { LoopTurns } from "./loop-turns.ts";

/** Charges a tenant what a large body, answer or commit of so many bytes costs where it cannot be measured. */
export function chargeBytes(turns: Pick<LoopTurns, "charge">, tenantId: string, bytes: number): void {
  if (bytes >= TURN_BYTES_MIN) turns.charge(tenantId, (bytes / 1024 ** 2) * LARGE_MS_PER_MIB);
}

/** The same for events that were read or are to be written. */
export function chargeRecords(turns: Pick<LoopTurns, "charge">, tenantId: string, records: SizedRecords): void {
  chargeBytes(turns, tenantId, charactersOf(records));
}

/** What is charged for of events. */
export type SizedRecords = readonly { readonly payload: string }[];

/** How much their payloads hold, which for most texts is their bytes. */
export function charactersOf(records: SizedRecords): number {
  return records.reduce((sum, { payload }) => sum + payload.length, 0);
}
