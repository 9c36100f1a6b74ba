import { charactersOf, chargeBytes, type SizedRecords } from "./charge-bytes.ts";
import { TURN_BYTES_MIN } from "./limits.ts";
import type { LoopTurns } from "./loop-turns.ts";

type Turns = Pick<LoopTurns, "take" | "charge">;

/**
 * Charges a tenant for a large piece of bytes that was read for it or came from it. Then it waits for its turn, so it
 * is awaited before the piece is parsed, copied or sent. A small piece neither waits nor costs.
 */
export async function takeBytesTurn(turns: Turns, tenantId: string, bytes: number): Promise<void> {
  if (bytes < TURN_BYTES_MIN) return;
  chargeBytes(turns, tenantId, bytes);
  await turns.take(tenantId);
}

/** The same for events that were read. */
export function takeRecordsTurn(turns: Turns, tenantId: string, records: SizedRecords): Promise<void> {
  return takeBytesTurn(turns, tenantId, charactersOf(records));
}
