import { expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { type NextTick, Recurring } from "./recurring.ts";

/** Work whose ticks are ended by the test, one after another. */
function world(params: { readonly everyMs?: number | null } = {}) {
  const clock = new ManualClock();
  const said: string[] = [];
  const tell = (level: string) => (_fields: object, message: string) => void said.push(`${level}: ${message}`);
  const log = { debug: tell("debug"), info: tell("info"), warn: tell("warn"), error: tell("error") };
  const begun: PromiseWithResolvers<number | null | NextTick>[] = [];
  const work = new Recurring({
    name: "do the work",
    tick: () => {
      const tick = Promise.withResolvers<number | null | NextTick>();
      begun.push(tick);
      return tick.promise;
    },
    retry: { minMs: 100, maxMs: 400 },
    clock,
    log,
  });
  /** Ends the last tick, and lets the work take notice. */
  const end = async (outcome: number | null | NextTick | Error = params.everyMs ?? null): Promise<void> => {
    const tick = begun.at(-1);
    if (outcome instanceof Error) tick?.reject(outcome);
    else tick?.resolve(outcome);
    await settled();
  };
  return { clock, said, begun, work, end };
}

/** Lets every continuation run that waits for no timer. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await Promise.resolve();
}

test("the work is done when it is due, and again after what its tick returned", async () => {
  const { clock, begun, work, end } = world();
  work.start(50);
  clock.advance(49);
  expect(begun).toHaveLength(0);
  clock.advance(1);
  expect(begun).toHaveLength(1);
  await end(200);
  clock.advance(199);
  expect(begun).toHaveLength(1);
  clock.advance(1);
  expect(begun).toHaveLength(2);
});

test("a tick that is slow is never joined by a second one", async () => {
  const { clock, begun, work } = world();
  work.start(0);
  clock.advance(0);
  work.request();
  clock.advance(60_000);
  await settled();
  expect(begun).toHaveLength(1);
});

test("a request during a tick is not lost: the work is done once more when that tick is over", async () => {
  const { clock, begun, work, end } = world();
  work.start(0);
  clock.advance(0);
  work.request();
  work.request();
  await end(null);
  clock.advance(0);
  expect(begun).toHaveLength(2);
  await end(null);
  clock.advance(60_000);
  expect(begun).toHaveLength(2);
});

test("a request brings a later tick forward, and never puts an earlier one off", () => {
  const { clock, begun, work } = world();
  work.start(100);
  work.request(500);
  work.request(20);
  work.request(300);
  clock.advance(20);
  expect(begun).toHaveLength(1);
});

test("a failure is logged, and the work is done again after a backoff that grows", async () => {
  const { clock, said, begun, work, end } = world();
  work.start(0);
  clock.advance(0);
  await end(new Error("broken"));
  expect(said).toEqual(["error: could not do the work"]);
  clock.advance(74);
  expect(begun).toHaveLength(1);
  clock.advance(1);
  expect(begun).toHaveLength(2);
  await end(new Error("broken"));
  clock.advance(149);
  expect(begun).toHaveLength(2);
  clock.advance(1);
  expect(begun).toHaveLength(3);
});

test("requests do not hurry work that fails", async () => {
  const { clock, begun, work, end } = world();
  work.start(0);
  clock.advance(0);
  work.request();
  await end(new Error("broken"));
  work.request();
  clock.advance(74);
  expect(begun).toHaveLength(1);
});

test("no request breaks the rest that a tick asked for, be it made during the tick or after it", async () => {
  const { clock, begun, work, end } = world();
  work.start(0);
  clock.advance(0);
  work.request();
  await end({ dueMs: 1000, restMs: 100 });
  work.request();
  clock.advance(99);
  expect(begun).toHaveLength(1);
  clock.advance(1);
  expect(begun).toHaveLength(2);
  await end({ dueMs: null, restMs: 100 });
  clock.advance(60_000);
  expect(begun).toHaveLength(2);
  work.request();
  clock.advance(0);
  expect(begun).toHaveLength(3);
});

test("a rest ends with the next tick: after one that asks for none, requests count at once", async () => {
  const { clock, begun, work, end } = world();
  work.start(0);
  clock.advance(0);
  await end({ dueMs: 0, restMs: 100 });
  clock.advance(100);
  await end(1000);
  work.request();
  clock.advance(0);
  expect(begun).toHaveLength(3);
});

test("an absent store is told once, and once again after it was back", async () => {
  const { clock, said, work, end } = world();
  work.start(0);
  for (const outcome of [new StoreUnavailable("x"), new StoreUnavailable("x"), 0, new StoreUnavailable("x")]) {
    clock.advance(1000);
    await end(outcome);
  }
  expect(said).toEqual(Array(2).fill("warn: could not do the work: the store is away"));
});

test("stop waits for the tick in flight, and none begins after it", async () => {
  const { clock, begun, work, end } = world();
  work.start(0);
  clock.advance(0);
  let isStopped = false;
  const stopped = work.stop().then(() => (isStopped = true));
  await settled();
  expect(isStopped).toBe(false);
  work.request();
  await end(0);
  await stopped;
  work.request();
  clock.advance(60_000);
  expect(begun).toHaveLength(1);
});

test("runNow does a tick after the one in flight, whatever is due", async () => {
  const { clock, begun, work, end } = world();
  work.start(0);
  clock.advance(0);
  const ran = work.runNow();
  await end(10_000);
  expect(begun).toHaveLength(2);
  await end(null);
  await ran;
  clock.advance(60_000);
  expect(begun).toHaveLength(2);
});
