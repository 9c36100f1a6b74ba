import { expect, test } from "vitest";
import {
  at,
  createStepWorld,
  delta,
  FakeSocket,
  fact,
  OTHER_TAG,
  principalOf,
  RUN,
  settle,
  TENANT,
} from "../../test/support/follow-world.ts";
import { FOLLOW_COMPARE_INTERVAL_MS } from "./limits.ts";

const WAITING = [fact(4, at(3), "step.completed"), fact(5, at(4), "run.waiting")];
const LOST = [fact(6, at(5), "run.resumed"), fact(7, at(6), "run.completed")];
const inOther = (...positions: string[]) => positions.map((position) => `${position}.${OTHER_TAG}`);

/** A run that waits, as Postgres was restored. The live log still holds how it went on. */
function restoredWorld() {
  const world = createStepWorld();
  world.store.add(...WAITING);
  world.liveLog.append(...WAITING, ...LOST);
  return world;
}

test("what the live log holds beyond the store is shown to no watcher that comes after a restore", async () => {
  const { store, watch } = restoredWorld();
  const socket = await watch();
  await settle();
  // The gateway has noticed, and the watcher is told to come back.
  expect(socket.ended).toBe("generation_changed");
  expect(socket.ids.filter((id) => id.startsWith("6") || id.startsWith("7"))).toEqual([]);
  expect(store.generation.tag).toBe(OTHER_TAG);
  const again = await watch();
  await settle();
  expect(again.ids).toEqual(inOther("1-0", "2-0", "3-0", "4-0", "5-0"));
  expect([again.ended, again.progress]).toEqual([null, []]);
});

test("a watcher with a position beyond the store is told, and reads the run from its first event", async () => {
  const { watch } = restoredWorld();
  const socket = await watch("7-0");
  await settle();
  expect(socket.progress).toHaveLength(1);
  expect(JSON.parse(socket.progress[0] ?? "")).toMatchObject({
    runId: RUN,
    type: "stream.rewound",
    data: { after: "7-0" },
  });
  expect(socket.ids).toEqual(inOther("1-0", "2-0", "3-0", "4-0", "5-0"));
});

test("a position that nothing shows to be of a lost history is none of the run", async () => {
  const { hub, store } = createStepWorld();
  expect(await hub.follow({ principal: principalOf(TENANT), runId: RUN, after: "7-0" })).toMatchObject({
    code: "invalid_position",
  });
  expect(store.generation.tag).toBe("");
});

test("a gateway that lived through the restore shows nothing more of what it has in memory", async () => {
  const { store, liveLog, watch } = createStepWorld();
  const early = await watch();
  store.add(...WAITING, ...LOST.slice(0, 1));
  liveLog.append(...WAITING, ...LOST.slice(0, 1));
  liveLog.deliverAll();
  await settle();
  expect(early.ids.at(-1)).toBe("6-0");
  store.goBackTo(at(5));
  const late = await watch();
  await settle();
  expect(late.ids).toEqual(inOther("1-0", "2-0", "3-0", "4-0", "5-0"));
  expect(early.ended).toBe("generation_changed");
});

test("watchers at the head are told by the next comparison of tails, though nobody comes and nothing happens", async () => {
  const { store, liveLog, watch, pass } = createStepWorld();
  const idle = await watch("3-0");
  store.add(...WAITING, ...LOST.slice(0, 1));
  liveLog.append(...WAITING, ...LOST.slice(0, 1));
  liveLog.deliverAll();
  await settle();
  store.goBackTo(at(5));
  expect(idle.ended).toBeNull();
  await pass(FOLLOW_COMPARE_INTERVAL_MS);
  expect([idle.ids, idle.ended]).toEqual([["4-0", "5-0", "6-0"], "generation_changed"]);
  expect(store.generation.tag).toBe(OTHER_TAG);
});

test("a position that both generations share is resumed without a word", async () => {
  const { store, hub, watch } = createStepWorld();
  store.add(...WAITING);
  store.generation = { tag: OTHER_TAG, formerTags: [""], wasReplaced: false };
  store.keptSeq = 4;
  // The first look tells the gateway.
  expect(await hub.follow({ principal: principalOf(TENANT), runId: RUN, after: "4-0" })).toMatchObject({
    kind: "following",
  });
  const kept = await watch("4-0");
  const parted = await watch("5-0");
  await settle();
  expect([kept.progress, kept.ids]).toEqual([[], inOther("5-0")]);
  expect([parted.progress.length, parted.ids.length]).toEqual([1, 5]);
});

test("a watcher that comes while the generation changes is told to come back", async () => {
  const { store, hub, watch } = createStepWorld();
  const outcome = await hub.follow({ principal: principalOf(TENANT), runId: RUN, after: undefined });
  if (outcome.kind !== "following") throw new Error("it can be followed");
  store.generation = { tag: OTHER_TAG, formerTags: [], wasReplaced: false };
  await watch();
  const late = new FakeSocket();
  outcome.watch(late);
  await settle();
  expect([late.ended, late.ids]).toEqual(["generation_changed", []]);
});

test("deltas that are ahead of the store are shown as ever", async () => {
  const { store, liveLog, watch } = createStepWorld();
  liveLog.append(delta(3, 1), delta(3, 2));
  const socket = await watch();
  await settle();
  expect(socket.ids).toEqual(["1-0", "2-0", "3-0", "3-1", "3-2"]);
  expect(store.generation.tag).toBe("");
});
