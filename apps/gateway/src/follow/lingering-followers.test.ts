import { expect, test } from "vitest";
import { createStepWorld, delta, settle } from "../../test/support/follow-world.ts";
import { FOLLOW_LINGER_MS } from "./limits.ts";

test("a run stays followed for a while after its last watcher, so that coming back is cheap, and is then let go", async () => {
  const { hub, liveLog, watch, pass } = createStepWorld();
  const first = await watch("3-0");
  await settle();
  first.handle?.close();
  await pass(FOLLOW_LINGER_MS / 2);
  const second = await watch("3-0");
  expect(liveLog.subscriptions).toBe(1);
  liveLog.append(delta(3, 1));
  liveLog.deliver();
  await settle();
  expect([first.ids, second.ids]).toEqual([[], ["3-1"]]);
  await pass(FOLLOW_LINGER_MS * 2);
  expect(hub.counts().followedRuns).toBe(1);
  second.handle?.close();
  await pass(FOLLOW_LINGER_MS + 500);
  expect(liveLog.listeners.size).toBe(0);
  expect(hub.counts()).toEqual({ watchers: 0, followedRuns: 0, bufferedBytes: 0 });
});
