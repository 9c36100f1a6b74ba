import { expect, test } from "vitest";
import { settle } from "../../test/support/follow-world.ts";
import { ManualClock } from "../../test/support/manual-clock.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import type { Principal } from "../access/principal.ts";
import { asTenantId } from "../core/tenant-id.ts";
import type { Ring } from "../ports/bell.ts";
import { StoreUnavailable } from "../ports/store.ts";
import { FOLLOW_RETRY, THREADS_COMPARED_EVERY_MS } from "./limits.ts";
import { ThreadHub } from "./thread-hub.ts";

const tenantId = asTenantId("tenant-1");
const principal = (tenant: string): Principal => ({
  kind: "api_key",
  keyId: "key",
  tenantId: asTenantId(tenant),
  name: "key",
  scopes: [],
});

function openHub({ followersMax }: { readonly followersMax?: number } = {}) {
  const clock = new ManualClock();
  const newest = new Map<string, string>();
  const gone = new Set<string>();
  const world = { isDown: false, reads: [] as (readonly string[])[], listener: (() => {}) as (ring: Ring) => void };
  const hub = new ThreadHub({
    fleet: {
      async readNewestRuns({ threadIds }) {
        world.reads.push(threadIds);
        if (world.isDown) throw new StoreUnavailable("down");
        const living = threadIds.filter((id) => !gone.has(id));
        return new Map(living.map((id) => [id, newest.get(id) ?? null]));
      },
    },
    bell: {
      listen(listener) {
        world.listener = listener;
        return () => {
          world.listener = () => {};
        };
      },
    },
    clock,
    log: recordingLog(),
    ...(followersMax === undefined ? {} : { followersMax }),
  });
  const follow = (id: string, key: string | null = null) => {
    const told: (string | null)[] = [];
    return { told, stop: hub.follow(principal("tenant-1"), { id, key }, (runId) => told.push(runId)) };
  };
  const ring = (idOrKey: string, tenant = tenantId): void =>
    world.listener({ about: "thread", tenantId: tenant, idOrKey });
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 20) {
      clock.advance(20);
      await settle();
    }
  };
  return { hub, pass, newest, gone, world, follow, ring };
}

test("a thread that is gone is told once to each who follows it, at a ring or by a comparison, and nothing after it", async () => {
  const { pass, newest, gone, world, follow, ring } = openHub();
  const one = follow("t1");
  const two = follow("t1");
  const other = follow("t2");
  newest.set("t1", "r1");
  await pass(100);
  gone.add("t1");
  ring("t1");
  await pass(100);
  ring("t1");
  await pass(THREADS_COMPARED_EVERY_MS);
  expect([one.told, two.told, other.told]).toEqual([["r1", null], ["r1", null], []]);
  expect(world.reads.at(-1)).toEqual(["t2"]);
  gone.add("t2");
  await pass(THREADS_COMPARED_EVERY_MS + 40);
  expect(other.told).toEqual([null]);
  one.stop();
});

test("a run that begins is told at a ring by the thread's id or key, once to each who follows", async () => {
  const { pass, newest, world, follow, ring } = openHub();
  const [one, other] = [follow("t1", "inbox"), follow("t1", "inbox")];
  const stranger = follow("t2");
  await pass(1);
  for (const [runId, name] of [
    ["r1", "t1"],
    ["r2", "inbox"],
  ] as const) {
    newest.set("t1", runId);
    ring(name);
    await pass(1);
  }
  expect([one.told, other.told, stranger.told]).toEqual([["r1", "r2"], ["r1", "r2"], []]);
  const reads = world.reads.length;
  ring("inbox", asTenantId("tenant-2"));
  await pass(1);
  expect(world.reads).toHaveLength(reads);
});

test("a ring that is lost costs the time until the next comparison, and no more", async () => {
  const { pass, newest, follow } = openHub();
  const { told } = follow("t1");
  await pass(10);
  newest.set("t1", "r1");
  await pass(THREADS_COMPARED_EVERY_MS + 10);
  expect(told).toEqual(["r1"]);
});

test("who comes later is told what is known at once, and who left is told nothing", async () => {
  const { pass, newest, follow, ring } = openHub();
  const first = follow("t1");
  newest.set("t1", "r1");
  await pass(10);
  const second = follow("t1");
  expect(second.told).toEqual(["r1"]);
  first.stop();
  newest.set("t1", "r2");
  ring("t1");
  await pass(10);
  expect([first.told, second.told]).toEqual([["r1"], ["r1", "r2"]]);
});

test("a store that is away delays what is told, and nothing is read once nobody follows", async () => {
  const { hub, pass, newest, world, follow } = openHub();
  world.isDown = true;
  newest.set("t1", "r1");
  const { told, stop } = follow("t1");
  await pass(100);
  world.isDown = false;
  await pass(FOLLOW_RETRY.maxMs);
  expect(told).toEqual(["r1"]);
  stop();
  await pass(2 * THREADS_COMPARED_EVERY_MS);
  const reads = world.reads.length;
  await pass(10 * THREADS_COMPARED_EVERY_MS);
  expect(world.reads).toHaveLength(reads);
  await hub.close();
});

test("a tenant that follows all that it may leaves places to another one, and gets its own back when it stops", () => {
  const { hub, follow } = openHub({ followersMax: 100 });
  const stops: (() => void)[] = [];
  while (hub.refusal(principal("tenant-1")) === null) stops.push(follow(`t${stops.length % 3}`).stop);
  expect(stops.length).toBeLessThan(100);
  expect(hub.refusal(principal("tenant-1"))).toMatchObject({ code: "too_many_requests" });
  expect(hub.refusal(principal("tenant-2"))).toBeNull();
  for (const stop of stops) stop();
  expect(hub.refusal(principal("tenant-1"))).toBeNull();
});
