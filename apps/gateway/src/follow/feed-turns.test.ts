import { expect, test } from "vitest";
import { settled } from "../../test/support/fakes.ts";
import { FeedTurns } from "./feed-turns.ts";
import { FEED_REST_MS, FEED_SLICE_MS } from "./limits.ts";

/** A clock that only work moves. A rest ends when the test says so. */
function start() {
  let at = 0;
  const rests: (() => void)[] = [];
  const done: string[] = [];
  const turns = new FeedTurns({
    monotonic: () => at,
    after(_delayMs, callback) {
      rests.push(callback);
      return () => {};
    },
  });
  /** Work that takes so long. */
  const work = (name: string, ms: number) => () => {
    done.push(name);
    at += ms;
  };
  const endRest = (): void => {
    at += FEED_REST_MS;
    rests.shift()?.();
  };
  return { done, turns, work, endRest };
}

test("while there is little to do a turn comes at once", () => {
  const { turns, done, work } = start();
  void turns.run(work("a", FEED_SLICE_MS - 1));
  expect(done).toEqual(["a"]);
  expect(turns.isFree).toBe(true);
});

test("after a slice of work it rests, and what waits goes on in order", () => {
  const { turns, done, work, endRest } = start();
  for (const name of ["a", "b", "c", "d"]) void turns.run(work(name, FEED_SLICE_MS / 2));
  expect(done).toEqual(["a", "b"]);
  endRest();
  expect(done).toEqual(["a", "b", "c", "d"]);
  void turns.run(work("e", 1));
  expect(done).toHaveLength(4);
  endRest();
  expect(done.at(-1)).toBe("e");
  expect(turns.isFree).toBe(true);
});

test("work that throws rejects its own turn and nothing else", async () => {
  const { turns, done, work } = start();
  const failed = turns.run(() => {
    throw new Error("a bug");
  });
  await expect(failed).rejects.toThrow("a bug");
  await turns.run(work("a", 0));
  expect(done).toEqual(["a"]);
});

test("who waits for a rest is let in after it", async () => {
  const { turns, endRest } = start();
  let isIn = false;
  void turns.afterRest().then(() => (isIn = true));
  await settled();
  expect(isIn).toBe(false);
  endRest();
  await settled();
  expect(isIn).toBe(true);
});
