import type { FleetStore } from "../../../../ports/fleet-store.ts";
import { GENERATION_COLUMNS, type GenerationRow, generationOf } from "../../generation-row.ts";
import { fleetStatement } from "../../statement.ts";
import type { Sql } from "../../sql.ts";

/** The function stands in the database, so that an operator can call it without a gateway. */
const JUDGE_SERVER = fleetStatement({
  name: "judge-server",
  parameters: { expected: "text?", wentBack: "bool" },
  text: `select ${GENERATION_COLUMNS} from hsafa_judge_server(:expected, :wentBack)`,
});

export async function judgeServer(
  sql: Sql,
  { expected, wentBack }: Parameters<FleetStore["judgeServer"]>[0],
): ReturnType<FleetStore["judgeServer"]> {
  const [row] = await sql.query<GenerationRow>(JUDGE_SERVER({ expected, wentBack }));
  if (row === undefined) throw new Error("a judgement always returns a row");
  return generationOf(row);
}

/** Judges a server at the start of a process, which has seen nothing of it before. */
export async function meetServer(sql: Sql): Promise<void> {
  await sql.query(JUDGE_SERVER({ expected: null, wentBack: false }));
}
