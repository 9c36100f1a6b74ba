import { expect, test } from "vitest";
import { chargeBytes } from "./charge-bytes.ts";
import { LARGE_MS_PER_MIB, TURN_BYTES_MIN } from "./limits.ts";

test("a small answer costs its tenant nothing, a large one as much as it is large", () => {
  const charged: number[] = [];
  const turns = { charge: (_tenantId: string, ms: number) => void charged.push(ms) };
  chargeBytes(turns, "t", TURN_BYTES_MIN - 1);
  chargeBytes(turns, "t", TURN_BYTES_MIN);
  chargeBytes(turns, "t", 1024 ** 2);
  expect(charged).toEqual([LARGE_MS_PER_MIB / 64, LARGE_MS_PER_MIB]);
});
