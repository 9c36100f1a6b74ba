import { expect, test } from "vitest";
import { at, createStepWorld, delta, fact, settle } from "../../test/support/follow-world.ts";
import { FOLLOW_COMPARE_INTERVAL_MS } from "./limits.ts";

test("an event written between the subscription and the read is seen once", async () => {
  const { liveLog, watch } = createStepWorld();
  liveLog.append(delta(3, 1));
  liveLog.notifications = [];
  liveLog.gate.isHolding = true;
  const socket = await watch("3-0");
  await settle();
  liveLog.append(delta(3, 2));
  liveLog.gate.open();
  await settle();
  liveLog.append(delta(3, 3));
  liveLog.deliverAll();
  liveLog.gate.isHolding = false;
  liveLog.gate.open();
  await settle();
  expect(socket.ids).toEqual(["3-1", "3-2", "3-3"]);
});

test("deltas written before the run was followed are seen though nothing follows them", async () => {
  const { store, liveLog, watch } = createStepWorld();
  store.add(delta(3, 1));
  liveLog.append(delta(3, 1), delta(3, 2));
  liveLog.notifications = [];
  const socket = await watch("3-0");
  await settle();
  expect(socket.ids).toEqual(["3-1", "3-2"]);
});

test("a delta missing in what the live log sends is read from the log, with what came after it meanwhile", async () => {
  const { liveLog, watch } = createStepWorld();
  const socket = await watch("3-0");
  await settle();
  liveLog.append(delta(3, 1));
  liveLog.append(delta(3, 2));
  liveLog.append(delta(3, 3));
  liveLog.notifications.shift();
  liveLog.gate.isHolding = true;
  liveLog.deliver();
  await settle();
  liveLog.append(delta(3, 4));
  liveLog.deliverAll();
  liveLog.gate.isHolding = false;
  liveLog.gate.open();
  await settle();
  expect(socket.ids).toEqual(["3-1", "3-2", "3-3", "3-4"]);
});

test("a delta missing everywhere is asked for again after a flush", async () => {
  const { store, liveLog, watch, pass } = createStepWorld();
  const socket = await watch("3-0");
  await settle();
  liveLog.append(delta(3, 1));
  liveLog.notifications = [];
  liveLog.records = [];
  liveLog.append(delta(3, 2));
  liveLog.deliver();
  await settle();
  expect(socket.ids).toEqual([]);
  store.add(delta(3, 1));
  await pass(100);
  expect(socket.ids).toEqual(["3-1", "3-2"]);
});

test("a delta that no store will ever hold is passed only by a later fact", async () => {
  const { store, liveLog, watch, pass } = createStepWorld();
  const socket = await watch("3-0");
  await settle();
  liveLog.append(delta(3, 1), delta(3, 2));
  liveLog.notifications = [];
  liveLog.records = liveLog.records.slice(1);
  liveLog.tell({ kind: "records", records: [delta(3, 2)] });
  await pass(10_000);
  expect(socket.ids).toEqual([]);
  store.add(fact(4, at(3), "step.discarded"));
  liveLog.append(fact(4, at(3), "step.discarded"));
  liveLog.deliver();
  await settle();
  expect(socket.ids).toEqual(["4-0"]);
});

test("a zombie's deltas lengthen a step cut short, and nobody sees one after the step was discarded", async () => {
  const { store, liveLog, watch, pass } = createStepWorld();
  const early = await watch("3-0");
  await settle();
  liveLog.append(delta(3, 1));
  liveLog.deliver();
  store.add(delta(3, 1), fact(4, at(3, 1), "step.discarded"));
  liveLog.append(delta(3, 2));
  liveLog.deliver();
  liveLog.append(fact(4, at(3, 1), "step.discarded"));
  liveLog.deliver();
  liveLog.records = [];
  liveLog.append(delta(3, 3));
  liveLog.deliver();
  const late = await watch("3-1");
  const between = await watch("3-2");
  store.add(fact(5, at(4), "run.completed"));
  await pass(3000);
  expect(early.ids).toEqual(["3-1", "3-2", "4-0", "5-0"]);
  expect(late.ids).toEqual(["3-2", "4-0", "5-0"]);
  expect(between.ids).toEqual(["4-0", "5-0"]);
});

test("a resync of the live log makes the follower read the store", async () => {
  const { store, liveLog, watch } = createStepWorld();
  const socket = await watch("3-0");
  await settle();
  store.add(delta(3, 1));
  liveLog.tell({ kind: "resync" });
  await settle();
  expect(socket.ids).toEqual(["3-1"]);
});

test("a resync during which the store could not be read is not forgotten", async () => {
  const { store, liveLog, watch, pass } = createStepWorld();
  const socket = await watch("3-0");
  await settle();
  store.add(delta(3, 1));
  store.isDown = true;
  liveLog.tell({ kind: "resync" });
  await pass(5000);
  expect(socket.ids).toEqual([]);
  store.isDown = false;
  await pass(2500);
  expect(socket.ids).toEqual(["3-1"]);
});

test("compacted deltas are passed by live followers and by readers of the store", async () => {
  const { store, watch, pass } = createStepWorld();
  const follower = await watch("3-0");
  await settle();
  store.add(fact(4, at(3, 9), "step.completed"));
  const reader = await watch();
  await pass(FOLLOW_COMPARE_INTERVAL_MS + 1000);
  store.add(fact(5, at(4), "run.completed"));
  await pass(FOLLOW_COMPARE_INTERVAL_MS + 1000);
  const late = await watch("3-4");
  await settle();
  expect([follower.ids, reader.ids, late.ids]).toEqual([
    ["4-0", "5-0"],
    ["1-0", "2-0", "3-0", "4-0", "5-0"],
    ["4-0", "5-0"],
  ]);
});

test("a store that goes away stops no follower, and its watchers wait", async () => {
  const { store, liveLog, watch, pass, errors } = createStepWorld();
  const behind = await watch("1-0", 1);
  await settle();
  store.isDown = true;
  behind.drain();
  liveLog.append(delta(3, 1));
  liveLog.notifications = [];
  liveLog.append(delta(3, 2));
  liveLog.deliver();
  await pass(30_000);
  expect(behind.ended).toBeNull();
  store.isDown = false;
  behind.room = Number.POSITIVE_INFINITY;
  behind.drain();
  await pass(2500);
  expect(behind.ids).toEqual(["2-0", "3-0", "3-1", "3-2"]);
  expect(errors).toEqual([]);
});

test("progress reaches idle watchers only, once, and changes no position", async () => {
  const { liveLog, watch } = createStepWorld();
  const idle = await watch("3-0");
  const full = await watch("2-0", 1);
  await settle();
  const json = '{"type":"tool.progress"}';
  liveLog.tell({ kind: "progress", json });
  full.room = Number.POSITIVE_INFINITY;
  full.drain();
  await settle();
  expect([idle.progress, full.progress]).toEqual([[json], []]);
  liveLog.append(delta(3, 1));
  liveLog.deliver();
  expect([idle.ids, full.ids]).toEqual([["3-1"], ["3-0", "3-1"]]);
});
