import { expect, test } from "vitest";
import { withinCpuLimit } from "./within-cpu-limit.ts";

const LIMIT_MS = 5;
const REAL_MAX_MS = 400;

/** Takes real time and no CPU time, as a thread does that waits for a core. */
function wait(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("work that a busy machine lets wait is tried until it had its CPU time, and its result counts", () => {
  let tries = 0;
  const work = (): string => {
    tries += 1;
    if (tries <= 4) wait(10_000);
    return "done";
  };
  expect(withinCpuLimit(LIMIT_MS, work, REAL_MAX_MS)).toBe("done");
  expect(tries).toBe(5);
});

test("work that never had its CPU time is not called too slow", () => {
  expect(withinCpuLimit(LIMIT_MS, () => wait(10_000), REAL_MAX_MS)).toBe("starved");
});

test("work that used up its CPU time is too slow", () => {
  const work = (): never => {
    for (;;);
  };
  expect(withinCpuLimit(LIMIT_MS, work, REAL_MAX_MS)).toBe("too_slow");
});
