import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { readSettings } from "./config.ts";
import { workersOf } from "./supervise-workers.ts";

test("workers are as many as are asked for, and one where the store belongs to one process", () => {
  const fleet = { DATABASE_URL: "postgres://db/hsafa", REDIS_URL: "redis://log" };
  expect(readSettings({}).workers).toBe(1);
  expect(readSettings({ ...fleet, HSAFA_WORKERS: "4" }).workers).toBe(4);
  expect(readSettings({ HSAFA_WORKERS: "auto" }).workers).toBe("auto");
  expect(workersOf(readSettings({ HSAFA_WORKERS: "auto" }))).toBe(1);
  expect(workersOf(readSettings({ ...fleet, HSAFA_WORKERS: "auto" }))).toBe(availableParallelism());
  expect(() => readSettings({ HSAFA_WORKERS: "2" })).toThrow(/HSAFA_WORKERS needs DATABASE_URL and REDIS_URL/);
  for (const value of ["0", "65", "all", "1.5"]) {
    expect(() => readSettings({ ...fleet, HSAFA_WORKERS: value })).toThrow(/HSAFA_WORKERS must be a whole number/);
  }
});
