import { formatPosition } from "@hsafa/protocol";
import { expect, test } from "vitest";
import {
  at,
  createStepWorld,
  delta,
  FakeSocket,
  fact,
  principalOf,
  RUN,
  settle,
  TENANT,
} from "../../test/support/follow-world.ts";
import { FOLLOW_PAGE_RECORDS_MAX, FOLLOW_RING_LAGGING_BYTES_MAX, WATCHER_STALL_MS } from "./limits.ts";

test("a slow watcher holds no more than its socket took while megabytes pass, then catches up with the whole record", async () => {
  const { store, liveLog, watch, hub, pass } = createStepWorld();
  const slow = await watch("3-0", 1);
  const quick = await watch("3-0");
  await settle();
  const count = 3000;
  for (let sub = 1; sub <= count; sub++) {
    const one = delta(3, sub, 5000);
    store.add(one);
    liveLog.append(one);
    liveLog.deliver();
  }
  await settle();
  expect(quick.ids).toHaveLength(count);
  expect(slow.ids).toEqual(["3-1"]);
  expect(hub.counts().bufferedBytes).toBeLessThanOrEqual(FOLLOW_RING_LAGGING_BYTES_MAX);
  // Each drain lets one write through.
  for (let drains = 0; drains < 1000 && slow.ids.length < count; drains++) {
    slow.drain();
    await settle();
  }
  expect(slow.ids).toEqual(quick.ids);
  expect(slow.bufferedMost).toBeLessThan(70_000);
  slow.room = Number.POSITIVE_INFINITY;
  slow.drain();
  await pass(100);
  liveLog.append(delta(3, count + 1));
  liveLog.deliver();
  expect(slow.ids.at(-1)).toBe(`3-${count + 1}`);
});

test("a slow watcher continues within a large event where it stopped, though the event was not kept for it", async () => {
  const { store, watch, hub } = createStepWorld();
  const large = fact(4, at(3), "step.completed", 20_000_000);
  const slow = await watch("3-0", 1);
  await settle();
  store.add(large);
  hub.published(RUN, [large, fact(5, at(4))]);
  await settle();
  // The ring keeps nothing of it, and the socket took half.
  expect(hub.counts().bufferedBytes).toBeLessThan(1000);
  expect(slow.ids).toEqual([]);
  store.add(fact(5, at(4)));
  for (let drains = 0; drains < 3; drains++) {
    slow.drain();
    await settle();
  }
  expect(slow.ids).toEqual(["4-0", "5-0"]);
});

test("a slow watcher within an event that another one replaced is cut, so that it never reads a mixture", async () => {
  const { store, watch, hub, liveLog } = createStepWorld();
  const slow = await watch("3-0", 1);
  await settle();
  // A delta that was lost with its step, and was pushed out of the ring and the log since.
  liveLog.isAway = true;
  hub.published(RUN, [delta(3, 1, 9_000_000)]);
  await settle();
  store.add(fact(4, at(3), "step.discarded", 9_000_000));
  hub.published(RUN, [fact(4, at(3), "step.discarded", 9_000_000)]);
  slow.drain();
  await settle();
  expect(slow.ended).toBe("failed");
  expect(slow.ids).toEqual([]);
});

test("a slow watcher that takes nothing for too long is closed, and one that moves is not", async () => {
  const { watch, pass } = createStepWorld();
  const dead = await watch("1-0", 1);
  const slow = await watch("1-0", 1);
  await settle();
  for (let passed = 0; passed < WATCHER_STALL_MS; passed += 10_000) {
    await pass(10_000);
    slow.handle?.progressed();
  }
  expect([dead.ended, slow.ended]).toEqual(["stalled", null]);
});

test("a slow watcher gives back the page that it does not take, so that it cannot keep others from reading", async () => {
  const { store, watch, pass } = createStepWorld();
  for (let seq = 4; seq <= 10; seq++) store.add(fact(seq, at(seq - 1), "tool.requested", 70_000));
  const stuck = await Promise.all(Array.from({ length: 40 }, () => watch("0-0", 1)));
  const reader = await watch();
  await pass(3000);
  expect(reader.ids).toHaveLength(10);
  for (const { handle } of stuck) handle?.close();
});

test("a watcher of an ended run reads one page ahead of its socket, and gets the whole record in order", async () => {
  const { store, watch } = createStepWorld();
  const count = 3 * FOLLOW_PAGE_RECORDS_MAX;
  for (let sub = 1; sub <= count; sub++) store.add(delta(3, sub, 1000));
  store.add(fact(4, at(3, count), "run.completed"));
  const slow = await watch("0-0", 1);
  await settle();
  expect(store.reads).toBe(2);
  for (let drains = 0; drains < 1000 && slow.ended === null; drains++) {
    slow.drain();
    await settle();
  }
  expect(slow.ids).toEqual(store.records.map(formatPosition));
  expect(store.reads).toBe(4);
});

test("a sink that throws loses its own watcher only", async () => {
  const { hub, liveLog, watch, errors } = createStepWorld();
  const well = await watch("3-0");
  const outcome = await hub.follow({ principal: principalOf(TENANT), runId: RUN, after: "3-0" });
  const broken = new FakeSocket();
  broken.write = () => {
    throw new Error("broken");
  };
  if (outcome.kind === "following") outcome.watch(broken);
  await settle();
  liveLog.append(delta(3, 1));
  liveLog.deliver();
  expect(broken.ended).toBe("failed");
  expect(well.ids).toEqual(["3-1"]);
  expect(errors).toHaveLength(1);
});
