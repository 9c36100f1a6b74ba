import { expect, test } from "vitest";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { LOOP_SHARE_AHEAD_MS, LOOP_SHARE_MS_PER_S, LOOP_TURNS_WAITING_MAX, TENANT_ACTIVE_MS } from "./limits.ts";
import { LoopTurns } from "./loop-turns.ts";

/** A loop whose turns are played by the test, on virtual time. */
function world() {
  const clock = new ManualClock();
  let callbacks: (() => void)[] = [];
  const turns = new LoopTurns({
    monotonic: clock.monotonic,
    after(delayMs, callback) {
      if (delayMs > 0) return clock.after(delayMs, callback);
      callbacks.push(callback);
      return () => {};
    },
  });
  const done: string[] = [];
  /** Plays one turn of the loop. */
  const turn = async (): Promise<void> => {
    const now = callbacks;
    callbacks = [];
    for (const callback of now) {
      callback();
      for (let index = 0; index < 5; index += 1) await Promise.resolve();
    }
  };
  return {
    clock,
    turns,
    done,
    turn,
    /** Work that takes some ms, once it may go on. */
    async work(tenantId: string, ms: number): Promise<void> {
      await turns.take(tenantId);
      done.push(tenantId);
      clock.advance(ms);
    },
    /** Plays the loop for some ms, whether or not there is work. */
    async play(ms: number): Promise<void> {
      const until = clock.monotonic() + ms;
      while (clock.monotonic() < until) {
        if (callbacks.length === 0) clock.advance(1);
        else await turn();
      }
    },
  };
}

test("one piece of work is done in a turn of the loop, however many wait", async () => {
  const { work, done, turn } = world();
  for (let nth = 0; nth < 3; nth += 1) void work("a", 10);
  expect(done).toEqual([]);
  await turn();
  expect(done).toEqual(["a"]);
  await turn();
  expect(done).toEqual(["a", "a"]);
});

test("a tenant with one piece of work goes before the second piece of one that has many", async () => {
  const { work, done, turn } = world();
  for (let nth = 0; nth < 5; nth += 1) void work("many", 1);
  void work("one", 1);
  await turn();
  await turn();
  expect(done).toEqual(["many", "one"]);
});

test("a tenant alone has the loop as far as it needs", async () => {
  const { work, done, play } = world();
  for (let nth = 0; nth < 100; nth += 1) void work("a", 20);
  await play(2000);
  expect(done).toHaveLength(100);
});

test("while another tenant uses the gateway, large work takes its share of the loop and no more", async () => {
  const { clock, turns, work, done, play } = world();
  for (let nth = 0; nth < 400; nth += 1) void work("large", 10);
  for (let second = 0; second < 4; second += 1) {
    turns.seen("quiet");
    await play(1000);
  }
  const tookMs = done.length * 10;
  expect(tookMs).toBeLessThanOrEqual(LOOP_SHARE_AHEAD_MS + 4 * LOOP_SHARE_MS_PER_S + 20);
  expect(tookMs).toBeGreaterThan(0.9 * 4 * LOOP_SHARE_MS_PER_S);
  const before = done.length;
  clock.advance(TENANT_ACTIVE_MS);
  await play(1000);
  expect((done.length - before) * 10).toBeGreaterThanOrEqual(990);
});

test("one that waits for its share holds up nobody else", async () => {
  const { work, done, play } = world();
  for (let nth = 0; nth < 20; nth += 1) void work("large", 100);
  await play(300);
  void work("other", 1);
  await play(10);
  const early = done.indexOf("other");
  expect(early).toBeGreaterThanOrEqual(0);
  expect(early).toBeLessThan(6);
});

test("what follows from a piece of work at once is charged to its tenant", async () => {
  const { clock, turns, done, work, play } = world();
  turns.seen("other");
  const large = async (): Promise<void> => {
    await turns.take("a");
    await Promise.resolve();
    clock.advance(LOOP_SHARE_AHEAD_MS + LOOP_SHARE_MS_PER_S);
  };
  void large();
  await play(1);
  void work("a", 1);
  await play(990);
  expect(done).toEqual([]);
  await play(30);
  expect(done).toEqual(["a"]);
});

test("few turns of one tenant wait, and another has its own (R9)", () => {
  const { turns } = world();
  for (let nth = 0; nth < LOOP_TURNS_WAITING_MAX; nth += 1) {
    expect(turns.fullForMs("a")).toBeNull();
    void turns.take("a");
  }
  expect(turns.fullForMs("a")).toBe(0);
  expect(turns.fullForMs("b")).toBeNull();
});

test("a tenant that was charged owes, until its share has paid or it is alone", async () => {
  const { clock, turns, work, done, play } = world();
  turns.charge("a", LOOP_SHARE_AHEAD_MS + LOOP_SHARE_MS_PER_S);
  expect(turns.owes("a")).toBe(false);
  turns.seen("other");
  expect(turns.owes("a")).toBe(true);
  expect(turns.owes("b")).toBe(false);
  void work("a", 1);
  await play(990);
  expect(done).toEqual([]);
  await play(20);
  expect(done).toEqual(["a"]);
  turns.charge("a", 1_000_000);
  expect(turns.owes("a")).toBe(true);
  clock.advance(TENANT_ACTIVE_MS);
  expect(turns.owes("a")).toBe(false);
});
