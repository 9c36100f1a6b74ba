import { expect, test } from "vitest";
import {
  at,
  createFollowWorld,
  delta,
  FakeSocket,
  fact,
  principalOf,
  RUN,
  settle,
  TENANT,
} from "../../test/support/follow-world.ts";
import { FOLLOW_LOOK_AFTER_MS, YOUNG_RUN_CHARACTERS_MAX, YOUNG_RUN_MS } from "./limits.ts";

const FACTS = [fact(1, at(0), "run.created"), fact(2, at(1), "message.user"), fact(3, at(2), "step.started")];
const BIRTH = { tenantId: TENANT, runId: RUN, generation: "", facts: FACTS };

/** A gateway on which a run was born. */
function birthWorld() {
  const world = createFollowWorld();
  world.store.add(...FACTS);
  world.hub.born(BIRTH);
  return world;
}

test("who follows a run that was born here reads it from memory, and nobody asks the store or the live log", async () => {
  const { hub, store, liveLog, watch } = birthWorld();
  hub.published(RUN, liveLog.append(delta(3, 1)));
  const socket = await watch();
  expect(socket.ids).toEqual(["1-0", "2-0", "3-0", "3-1"]);
  hub.published(RUN, liveLog.append(delta(3, 2)));
  await settle();
  expect(socket.ids).toEqual(["1-0", "2-0", "3-0", "3-1", "3-2"]);
  expect([store.reads, store.tailReads, liveLog.subscriptions]).toEqual([0, 0, 1]);
});

test("a run that has ended by then is read to its end", async () => {
  const { hub, store, watch } = birthWorld();
  const ending = [fact(4, at(3), "step.completed"), fact(5, at(4), "run.completed")];
  hub.left(RUN);
  store.add(...ending);
  hub.published(RUN, ending);
  const socket = await watch();
  await settle();
  expect(socket.ids).toEqual(["1-0", "2-0", "3-0", "4-0", "5-0"]);
  expect([socket.ended, store.tailReads]).toEqual(["ended", 0]);
});

test("what another gateway has told of a run that left this one is read, as it may have come before the subscription", async () => {
  const { hub, store, liveLog, watch } = birthWorld();
  hub.left(RUN);
  liveLog.append(delta(3, 1), fact(4, at(3, 1), "step.completed"));
  store.add(delta(3, 1), fact(4, at(3, 1), "step.completed"));
  const socket = await watch();
  await settle();
  expect(socket.ids).toEqual(["1-0", "2-0", "3-0", "3-1", "4-0"]);
});

test("a run that leaves between the birth of its follower and the subscription is read again", async () => {
  const { hub, store, liveLog, watch } = birthWorld();
  liveLog.gate.isHolding = true;
  const socket = await watch();
  hub.left(RUN);
  liveLog.append(delta(3, 1));
  store.add(delta(3, 1));
  liveLog.gate.isHolding = false;
  liveLog.gate.open();
  await settle();
  expect(socket.ids).toEqual(["1-0", "2-0", "3-0", "3-1"]);
});

test.each([
  {
    what: "one that the live log did not take",
    spoil: (hub: ReturnType<typeof birthWorld>["hub"]) => hub.stored(RUN, at(3)),
  },
  {
    what: "one with a gap",
    spoil: (hub: ReturnType<typeof birthWorld>["hub"]) => hub.published(RUN, [delta(3, 2)]),
  },
  {
    what: "one that has said too much",
    spoil: (hub: ReturnType<typeof birthWorld>["hub"]) => hub.published(RUN, [delta(3, 1, YOUNG_RUN_CHARACTERS_MAX)]),
  },
  { what: "one of another generation", spoil: (hub: ReturnType<typeof birthWorld>["hub"]) => hub.enter() },
])("a run is not read from memory: $what", async ({ spoil }) => {
  const { hub, store, watch } = birthWorld();
  spoil(hub);
  const socket = await watch();
  await settle();
  expect(store.tailReads).toBe(1);
  expect(socket.ids.slice(0, 3)).toEqual(["1-0", "2-0", "3-0"]);
});

test("a run is young for a while, and for its own tenant", async () => {
  const { hub, store, clock, watch } = birthWorld();
  expect(await hub.follow({ principal: principalOf("tenant-b"), runId: RUN, after: undefined })).toMatchObject({
    code: "not_found",
  });
  clock.advance(YOUNG_RUN_MS);
  expect((await watch()).ended).toBeNull();
  expect(store.tailReads).toBe(2);
});

test("a run that was born before the store went back is not told of", async () => {
  const world = createFollowWorld();
  world.store.add(...FACTS);
  world.hub.born({ ...BIRTH, generation: "former" });
  await world.watch();
  expect(world.store.tailReads).toBe(1);
});

test("a client that comes back to a run that is followed here is served before the store is asked", async () => {
  const { hub, store, liveLog, watch } = birthWorld();
  const first = await watch();
  first.handle?.close();
  hub.published(RUN, liveLog.append(delta(3, 1), delta(3, 2)));
  store.isDown = true;
  const back = await watch("3-1");
  expect(back.ids).toEqual(["3-2"]);
});

test("clients that come back to a run at once cost one look at the store, after they are served", async () => {
  const { hub, store, liveLog, watch, pass } = birthWorld();
  await watch();
  hub.published(RUN, liveLog.append(delta(3, 1), delta(3, 2)));
  store.add(delta(3, 1), delta(3, 2));
  const back = await Promise.all(["3-1", "3-1", "3-2"].map((after) => watch(after)));
  expect(back.map(({ ids }) => ids)).toEqual([["3-2"], ["3-2"], []]);
  expect(store.tailReads).toBe(0);
  await pass(FOLLOW_LOOK_AFTER_MS);
  expect(store.tailReads).toBe(1);
  await watch("3-2");
  hub.close();
  await pass(FOLLOW_LOOK_AFTER_MS);
  expect(store.tailReads).toBe(1);
});

test("a store that has gone back is noticed when a client comes back", async () => {
  const { hub, store, watch, pass } = birthWorld();
  hub.published(RUN, [fact(4, at(3), "step.completed")]);
  store.add(fact(4, at(3), "step.completed"));
  const first = await watch();
  store.goBackTo(at(3));
  const back = new FakeSocket();
  const outcome = await hub.follow({ principal: principalOf(TENANT), runId: RUN, after: "4-0" });
  if (outcome.kind === "following") outcome.watch(back);
  await pass(FOLLOW_LOOK_AFTER_MS);
  expect([first.ended, back.ended]).toEqual(["generation_changed", "generation_changed"]);
});
