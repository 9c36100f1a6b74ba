import { expect, test } from "vitest";
import { SLOW_REMEMBERED_MS, SLOW_SCHEMAS_REMEMBERED_MAX } from "./limits.ts";
import { SlowSchemas } from "./slow-schemas.ts";

test("values from the shortest length that was too slow are not tried, for a while", () => {
  let now = 0;
  const slow = new SlowSchemas(() => now);
  slow.remember("a", 100);
  slow.remember("a", 500);
  expect(slow.find("a", 99)).toBeNull();
  expect(slow.find("a", 100)).toBe("value");
  expect(slow.find("b", 100)).toBeNull();
  now = SLOW_REMEMBERED_MS;
  expect(slow.find("a", 100)).toBeNull();
});

test("a schema that was too slow to compile is not tried with any value", () => {
  const slow = new SlowSchemas(() => 0);
  slow.remember("a", 0);
  expect(slow.find("a", 0)).toBe("schema");
  expect(slow.find("a", 1)).toBe("schema");
});

test("the oldest is forgotten when there are too many (R9)", () => {
  const slow = new SlowSchemas(() => 0);
  for (let n = 0; n <= SLOW_SCHEMAS_REMEMBERED_MAX; n += 1) slow.remember(`${n}`, 1);
  expect(slow.find("0", 1)).toBeNull();
  expect(slow.find("1", 1)).toBe("value");
});
