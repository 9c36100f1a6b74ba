import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { delta, RUN } from "../../test/support/follow-world.ts";
import { FollowedEvent } from "./followed-event.ts";

test("an event that is kept does not keep the message in which its record came", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const events = Array.from({ length: 100 }, (_, index) => {
    const message = Buffer.alloc(1_000_000, "x").toString();
    return FollowedEvent.of(RUN, { ...delta(3, index + 1), payload: message.slice(1000, 1200) }, "");
  });
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
  expect(events).toHaveLength(100);
});
