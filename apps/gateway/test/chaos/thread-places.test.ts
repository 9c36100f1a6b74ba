import { expect, test } from "vitest";
import { seededRandom } from "../support/seeded-random.ts";
import { dealThreads } from "./thread-places.ts";

test("a share of the runs gets a thread, each thread is filled before the next, and one seed gives one deal", () => {
  const deal = (): (string | null)[] => Array.from({ length: 4000 }, dealThreads(seededRandom(7), 0.25));
  const keys = deal().filter((key) => key !== null);
  expect(keys.length).toBeGreaterThan(900);
  expect(keys.length).toBeLessThan(1100);
  const changes = keys.filter((key, index) => key !== keys[index - 1]).length;
  expect(changes).toBe(new Set(keys).size);
  expect(keys.length / changes).toBeGreaterThan(4);
  expect(deal()).toEqual(deal());
});
