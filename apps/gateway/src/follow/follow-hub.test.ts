import { describe, expect, test } from "vitest";
import {
  at,
  createFollowWorld,
  delta,
  FakeSocket,
  fact,
  RUN,
  settle,
  TENANT,
} from "../../test/support/follow-world.ts";
import type { FollowOutcome } from "./follow-hub.ts";
import {
  FOLLOW_COMPARE_INTERVAL_MS,
  FOLLOW_LINGER_MS,
  FOLLOW_RING_LAGGING_BYTES_MAX,
  WATCHER_STALL_MS,
  WATCHERS_PER_RUN_MAX,
} from "./limits.ts";

const outcomeOf = (outcome: FollowOutcome) => (outcome.kind === "refused" ? outcome.code : outcome.kind);

const begun = () => {
  const world = createFollowWorld();
  world.store.add(fact(1, at(0), "run.created"), fact(2, at(1), "run.started"), fact(3, at(2), "step.started"));
  return world;
};

describe("following a run", () => {
  test("500 watchers of one run cost one subscription, and see each event in one buffer", async () => {
    const { hub, liveLog, watch } = begun();
    const sockets = await Promise.all(Array.from({ length: 500 }, () => watch()));
    await settle();
    expect(liveLog.subscriptions).toBe(1);
    expect(hub.counts()).toMatchObject({ watchers: 500, followedRuns: 1 });
    liveLog.append(delta(3, 1), delta(3, 2));
    const buffers = new Set<Buffer>();
    for (const socket of sockets) {
      const { write } = socket;
      socket.write = (batch, from) => {
        buffers.add(batch.bytes);
        return write(batch, from);
      };
    }
    liveLog.deliver();
    expect(sockets.every(({ ids }) => ids.join() === "1-0,2-0,3-0,3-1,3-2")).toBe(true);
    expect(buffers.size).toBe(1);
  });

  test("an event reaches idle watchers within the call that tells of it, and a second telling changes nothing", async () => {
    const { hub, liveLog, watch } = begun();
    const socket = await watch("3-0");
    await settle();
    hub.published(RUN, liveLog.append(delta(3, 1)));
    expect(socket.ids).toEqual(["3-1"]);
    liveLog.deliver();
    expect(socket.ids).toEqual(["3-1"]);
  });

  test("an event written between the subscription and the read is seen once", async () => {
    const { liveLog, watch } = begun();
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
    const { store, liveLog, watch } = begun();
    store.add(delta(3, 1));
    liveLog.append(delta(3, 1), delta(3, 2));
    liveLog.notifications = [];
    const socket = await watch("3-0");
    await settle();
    expect(socket.ids).toEqual(["3-1", "3-2"]);
  });

  test("a terminal fact lost on the live log is found by the comparison of tails, and ends every watcher", async () => {
    const { store, liveLog, watch, pass, hub } = begun();
    const sockets = [await watch(), await watch("2-0")];
    await pass(100);
    store.add(fact(4, at(3), "step.completed"), fact(5, at(4), "run.completed"));
    await pass(FOLLOW_COMPARE_INTERVAL_MS + 1000);
    expect(sockets.map(({ ids }) => ids.at(-1))).toEqual(["5-0", "5-0"]);
    expect(sockets.map(({ ended }) => ended)).toEqual(["ended", "ended"]);
    expect(liveLog.listeners.size).toBe(0);
    expect(hub.counts()).toEqual({ watchers: 0, followedRuns: 0, bufferedBytes: 0 });
  });

  test("a late watcher of an ended run gets all of it from the store, without a subscription, and then the end", async () => {
    const { store, liveLog, watch } = begun();
    store.add(delta(3, 1), delta(3, 2), fact(4, at(3, 2), "step.completed"), fact(5, at(4), "run.completed"));
    const whole = await watch();
    const rest = await watch("3-1");
    await settle();
    expect(whole.ids).toEqual(["1-0", "2-0", "3-0", "3-1", "3-2", "4-0", "5-0"]);
    expect(rest.ids).toEqual(["3-2", "4-0", "5-0"]);
    expect([whole.ended, rest.ended]).toEqual(["ended", "ended"]);
    expect(liveLog.subscriptions).toBe(0);
  });

  test("a position to follow from is accepted or refused as the protocol says", async () => {
    const { store, hub, watch } = begun();
    const follow = async (after: string | undefined, tenantId = TENANT, runId = RUN) =>
      outcomeOf(await hub.follow({ tenantId, runId, after }));
    expect(await follow(undefined)).toBe("following");
    for (const after of ["", "3", "3-", "-1-0", "3-0 ", "03-0", "3-0-0", "x", "9999999999-0", "4-0", "4-1"]) {
      expect([after, await follow(after)]).toEqual([after, "invalid_position"]);
    }
    expect(await follow("3-99")).toBe("following");
    expect(await follow("3-0", "tenant-b")).toBe("not_found");
    expect(await follow("3-0", TENANT, "0199c8f0-0000-7000-8000-0000000000bb")).toBe("not_found");
    store.add(delta(3, 1), fact(4, at(3, 1), "step.completed"), fact(5, at(4), "run.completed"));
    expect(await follow("5-0")).toBe("at_end");
    expect(await follow("5-7")).toBe("at_end");
    expect(await follow("6-0")).toBe("invalid_position");
    const beyond = await watch("3-99");
    await settle();
    expect(beyond.ids).toEqual(["4-0", "5-0"]);
  });

  test("another tenant cannot join a run that is being followed here", async () => {
    const { hub, watch } = begun();
    await watch();
    expect(await hub.follow({ tenantId: "tenant-b", runId: RUN, after: undefined })).toMatchObject({
      kind: "refused",
      code: "not_found",
    });
  });

  test("a delta missing in what the live log sends is read from the log, with what came after it meanwhile", async () => {
    const { liveLog, watch } = begun();
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
    const { store, liveLog, watch, pass } = begun();
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
    const { store, liveLog, watch, pass } = begun();
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
    const { store, liveLog, watch, pass } = begun();
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

  test("with the live log away the store's own gateway tells, and what others wrote is found within 500 ms", async () => {
    const { store, liveLog, hub, watch, pass } = begun();
    const socket = await watch("3-0");
    await settle();
    liveLog.isAway = true;
    await pass(800);
    store.add(delta(3, 1));
    hub.stored(RUN, at(3, 1));
    await settle();
    expect(socket.ids).toEqual(["3-1"]);
    store.add(delta(3, 2));
    await pass(500);
    expect(socket.ids).toEqual(["3-1", "3-2"]);
    store.add(fact(4, at(3, 2), "step.completed"));
    await pass(500);
    expect(socket.ids).toEqual(["3-1", "3-2", "4-0"]);
    const readsBefore = store.reads;
    await pass(2000);
    expect(store.reads).toBe(readsBefore);
  });

  test("a resync of the live log makes the follower read the store", async () => {
    const { store, liveLog, watch } = begun();
    const socket = await watch("3-0");
    await settle();
    store.add(delta(3, 1));
    liveLog.tell({ kind: "resync" });
    await settle();
    expect(socket.ids).toEqual(["3-1"]);
  });

  test("a resync during which the store could not be read is not forgotten", async () => {
    const { store, liveLog, watch, pass } = begun();
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
    const { store, watch, pass } = begun();
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
    const { store, liveLog, watch, pass, errors } = begun();
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
    const { liveLog, watch } = begun();
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
});

describe("a slow watcher", () => {
  test("a slow watcher holds no more than its socket took while megabytes pass, then catches up with the whole record", async () => {
    const { store, liveLog, watch, hub, pass } = begun();
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
    const { store, watch, hub } = begun();
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
    const { store, watch, hub, liveLog } = begun();
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
    const { watch, pass } = begun();
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
    const { store, watch, pass } = begun();
    for (let seq = 4; seq <= 10; seq++) store.add(fact(seq, at(seq - 1), "tool.requested", 70_000));
    const stuck = await Promise.all(Array.from({ length: 40 }, () => watch("0-0", 1)));
    const reader = await watch();
    await pass(3000);
    expect(reader.ids).toHaveLength(10);
    for (const { handle } of stuck) handle?.close();
  });
});

describe("coming and going", () => {
  test("a run stays followed for a while after its last watcher, so that coming back is cheap, and is then let go", async () => {
    const { hub, liveLog, watch, pass } = begun();
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

  test("a run has a bounded number of watchers", async () => {
    const { hub, watch } = begun();
    const sockets = [];
    for (let n = 0; n < WATCHERS_PER_RUN_MAX; n++) sockets.push(await watch("3-0"));
    expect(outcomeOf(await hub.follow({ tenantId: TENANT, runId: RUN, after: "3-0" }))).toBe("too_many_requests");
    sockets[0]?.handle?.close();
    expect(outcomeOf(await hub.follow({ tenantId: TENANT, runId: RUN, after: "3-0" }))).toBe("following");
  });

  test("a gateway that shuts down tells every watcher, and takes no new ones", async () => {
    const { hub, liveLog, watch } = begun();
    const idle = await watch();
    const full = await watch(undefined, 1);
    await settle();
    hub.close();
    expect([idle.ended, full.ended]).toEqual(["going_away", "going_away"]);
    expect(hub.counts()).toEqual({ watchers: 0, followedRuns: 0, bufferedBytes: 0 });
    expect(liveLog.listeners.size).toBe(0);
    expect(outcomeOf(await hub.follow({ tenantId: TENANT, runId: RUN, after: undefined }))).toBe("unavailable");
  });

  test("a sink that throws loses its own watcher only", async () => {
    const { hub, liveLog, watch, errors } = begun();
    const well = await watch("3-0");
    const outcome = await hub.follow({ tenantId: TENANT, runId: RUN, after: "3-0" });
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
});
