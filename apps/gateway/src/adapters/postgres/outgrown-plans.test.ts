import { expect, test } from "vitest";
import { OUTGROWN_BYTES_MIN } from "./limits.ts";
import { haveOutgrown } from "./outgrown-plans.ts";

const sizes = (runs: number, events = 0): ReadonlyMap<string, number> =>
  new Map([
    ["runs", runs],
    ["run_events", events],
  ]);
const LEAST = OUTGROWN_BYTES_MIN;

test("a table that has doubled since plans were made outgrows them, and one that grew by less does not", () => {
  expect(haveOutgrown(sizes(10 * LEAST), sizes(19 * LEAST))).toBe(false);
  expect(haveOutgrown(sizes(10 * LEAST), sizes(20 * LEAST))).toBe(true);
  expect(haveOutgrown(sizes(10 * LEAST, LEAST), sizes(10 * LEAST, 2 * LEAST))).toBe(true);
});

test("a small table outgrows nothing, however often it doubles", () => {
  expect(haveOutgrown(sizes(0), sizes(2 * LEAST - 1))).toBe(false);
  expect(haveOutgrown(sizes(0), sizes(2 * LEAST))).toBe(true);
  expect(haveOutgrown(new Map(), sizes(2 * LEAST))).toBe(true);
});

test("a table that shrank outgrows nothing", () => {
  expect(haveOutgrown(sizes(10 * LEAST), sizes(LEAST))).toBe(false);
});
