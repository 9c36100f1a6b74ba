import { expect, test } from "vitest";
import { LARGE_MS_PER_MIB, TURN_BYTES_MIN } from "./limits.ts";
import { takeBytesTurn, takeRecordsTurn } from "./take-bytes-turn.ts";

function world() {
  const said: string[] = [];
  const turns = {
    take: async (tenantId: string): Promise<void> => void said.push(`${tenantId} takes a turn`),
    charge: (tenantId: string, ms: number): void => void said.push(`${tenantId} owes ${ms} ms`),
  };
  return { said, turns };
}

test("a large piece is charged first, and then its tenant waits", async () => {
  const { said, turns } = world();
  await takeBytesTurn(turns, "t", 1024 ** 2);
  await takeRecordsTurn(turns, "t", [{ payload: "x".repeat(1024 ** 2) }, { payload: "x".repeat(1024 ** 2) }]);
  expect(said).toEqual([
    `t owes ${LARGE_MS_PER_MIB} ms`,
    "t takes a turn",
    `t owes ${2 * LARGE_MS_PER_MIB} ms`,
    "t takes a turn",
  ]);
});

test("a small piece neither waits nor costs", async () => {
  const { said, turns } = world();
  await takeBytesTurn(turns, "t", TURN_BYTES_MIN - 1);
  expect(said).toEqual([]);
});
