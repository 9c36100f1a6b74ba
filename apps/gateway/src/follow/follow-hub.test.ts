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
import { sseFormat } from "../edge/stream/formats/sse.ts";
import type { EventFormat } from "./event-format.ts";
import type { FollowOutcome } from "./follow-hub.ts";
import { WATCHERS_PER_RUN_MAX } from "./limits.ts";

const outcomeOf = (outcome: FollowOutcome) => (outcome.kind === "refused" ? outcome.code : outcome.kind);

test("500 watchers of one run cost one subscription, and see each event in one buffer", async () => {
  const { hub, liveLog, watch } = createStepWorld();
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
  const { hub, liveLog, watch } = createStepWorld();
  const socket = await watch("3-0");
  await settle();
  hub.published(RUN, liveLog.append(delta(3, 1)));
  expect(socket.ids).toEqual(["3-1"]);
  liveLog.deliver();
  expect(socket.ids).toEqual(["3-1"]);
});

test("a late watcher of an ended run gets all of it from the store, without a subscription, and then the end", async () => {
  const { store, liveLog, watch } = createStepWorld();
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
  const { store, hub, watch } = createStepWorld();
  const follow = async (after: string | undefined, tenantId: string = TENANT, runId = RUN) =>
    outcomeOf(await hub.follow({ principal: principalOf(tenantId), runId, after }));
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
  const { hub, watch } = createStepWorld();
  await watch();
  expect(await hub.follow({ principal: principalOf("tenant-b"), runId: RUN, after: undefined })).toMatchObject({
    kind: "refused",
    code: "not_found",
  });
});

test("a run has a bounded number of watchers", async () => {
  const { hub, watch } = createStepWorld();
  const sockets = [];
  for (let n = 0; n < WATCHERS_PER_RUN_MAX; n++) sockets.push(await watch("3-0"));
  expect(outcomeOf(await hub.follow({ principal: principalOf(TENANT), runId: RUN, after: "3-0" }))).toBe(
    "too_many_requests",
  );
  sockets[0]?.handle?.close();
  expect(outcomeOf(await hub.follow({ principal: principalOf(TENANT), runId: RUN, after: "3-0" }))).toBe("following");
});

test("one tenant's watchers leave room for another's, and a watcher that goes gives its place back", async () => {
  const { hub, watch } = createStepWorld({ watchersMax: 8 });
  const follow = () => hub.follow({ principal: principalOf(TENANT), runId: RUN, after: "3-0" });
  const sockets = [];
  while (outcomeOf(await follow()) === "following") sockets.push(await watch("3-0"));
  expect(sockets.length).toBeLessThan(7);
  expect(await follow()).toMatchObject({ code: "too_many_requests", retryAfterMs: expect.any(Number) as number });
  sockets[0]?.handle?.close();
  expect(outcomeOf(await follow())).toBe("following");
});

test("a gateway that shuts down tells every watcher, and takes no new ones", async () => {
  const { hub, liveLog, watch } = createStepWorld();
  const idle = await watch();
  const full = await watch(undefined, 1);
  await settle();
  hub.close();
  expect([idle.ended, full.ended]).toEqual(["going_away", "going_away"]);
  expect(hub.counts()).toEqual({ watchers: 0, followedRuns: 0, bufferedBytes: 0 });
  expect(liveLog.listeners.size).toBe(0);
  expect(outcomeOf(await hub.follow({ principal: principalOf(TENANT), runId: RUN, after: undefined }))).toBe(
    "unavailable",
  );
});

test("a watcher that begins after the gateway began to go away is closed at once", async () => {
  const { hub } = createStepWorld();
  const outcome = await hub.follow({ principal: principalOf(TENANT), runId: RUN, after: undefined });
  hub.close();
  const socket = new FakeSocket();
  if (outcome.kind === "following") outcome.watch(socket).close();
  expect(socket.ended).toBe("going_away");
  expect(hub.counts()).toEqual({ watchers: 0, followedRuns: 0, bufferedBytes: 0 });
});

test("each event is written once per format, however many watch it live or catch up from memory", async () => {
  const { hub, watch } = createStepWorld();
  const written: string[] = [];
  const counting = (name: string): EventFormat => ({
    encode: (event) => {
      written.push(name);
      return sseFormat.encode(event);
    },
  });
  const formats = [counting("a"), counting("b")];
  const sockets = await Promise.all(
    Array.from({ length: 20 }, (_, index) => watch("3-0", Number.POSITIVE_INFINITY, formats[index % 2])),
  );
  await settle();
  hub.published(RUN, [delta(3, 1)]);
  hub.published(RUN, [delta(3, 2)]);
  sockets.push(await watch("3-0", Number.POSITIVE_INFINITY, formats[0]), await watch("3-1", 1, formats[1]));
  await settle();
  expect(sockets.map(({ ids }) => ids.at(-1))).toEqual(sockets.map(() => "3-2"));
  expect(written.toSorted()).toEqual(["a", "a", "b", "b"]);
});
