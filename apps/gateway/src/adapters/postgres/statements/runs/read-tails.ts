import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

const READ_TAILS = fleetStatement({
  name: "read-tails",
  parameters: { runIds: "uuid[]" },
  text: "select id::text, last_seq from runs where id = any(:runIds)",
});

export async function readTails(
  sql: Sql,
  { runIds }: Parameters<FleetStore["readTails"]>[0],
): ReturnType<FleetStore["readTails"]> {
  if (runIds.length === 0) return new Map();
  const rows = await sql.query<{ id: string; last_seq: number }>(READ_TAILS({ runIds }));
  return new Map(rows.map((row) => [row.id, row.last_seq]));
}
