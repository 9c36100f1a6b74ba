import { LARGE_MS_PER_MIB, TURN_BYTES_MIN } from "./limits.ts";
import type { LoopTurns } from "./loop-turns.ts";

/** Charges a tenant what a large body, answer or commit of so many bytes costs where it cannot be measured. */
export function chargeBytes(turns: Pick<LoopTurns, "charge">, tenantId: string, bytes: number): void {
  if (bytes >= TURN_BYTES_MIN) turns.charge(tenantId, (bytes / 1024 ** 2) * LARGE_MS_PER_MIB);
}

/** The same for events that were read or are to be written. */
export function chargeRecords(
  turns: Pick<LoopTurns, "charge">,
  tenantId: string,
  records: readonly { readonly payload: string }[],
): void {
  chargeBytes(
    turns,
    tenantId,
    records.reduce((sum, { payload }) => sum + payload.length, 0),
  );
}
