import { v7 } from "uuid";
import { expect, test } from "vitest";
import { firstIdOf } from "./first-id-of.ts";

test("ids of a time are not below its first id, and below that of the next ms", () => {
  for (const msecs of [0, 1, 65_535, 65_536, Date.UTC(2026, 0, 2), 2 ** 48 - 2]) {
    const id = v7({ msecs });
    expect(id >= firstIdOf(msecs)).toBe(true);
    expect(id < firstIdOf(msecs + 1)).toBe(true);
  }
  expect(firstIdOf(-1)).toBe(firstIdOf(0));
  expect(firstIdOf(Number.POSITIVE_INFINITY)).toMatch(/^ffffffff-ffff-/u);
});
