import { comparePositions, formatPosition, parsePosition, type Position } from "@hsafa/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  at,
  createFollowWorld,
  delta,
  type FakeSocket,
  type FollowWorld,
  fact,
  RUN,
  settle,
} from "../../test/support/follow-world.ts";
import { jsonFormat } from "../edge/stream/formats/json.ts";
import { sseFormat } from "../edge/stream/formats/sse.ts";
import type { EventRecord } from "../core/event-record.ts";

/**
 * R8 under a hostile bus. Writers crash or go on as zombies. Notifications are lost, doubled and reordered. The live
 * log is wiped or absent, and so is the store. Pages come late, sockets are slow, and watchers begin at any position.
 */

type Segment =
  | { readonly kind: "plain" }
  | { readonly kind: "step"; readonly deltas: number; readonly bytes: number; readonly ends: "completed" | "crashed" };

/** Plays the run's segments into the store and the live log, one event at a time. */
function createWriter(world: FollowWorld, segments: readonly Segment[], isLocal: () => boolean) {
  const { store, liveLog, hub } = world;
  const todo: Segment[] = [...segments];
  let step: (Extract<Segment, { kind: "step" }> & { readonly seq: number; given: number }) | null = null;
  let unflushed: EventRecord[] = [];
  /** Steps whose holder was fenced but does not know. */
  const zombies: { readonly seq: number; given: number }[] = [];
  /** Everything that anybody could have seen. */
  const whole = new Map<string, EventRecord>();

  function publish(record: EventRecord, isHolder: boolean): void {
    const accepted = liveLog.append(record);
    if (isHolder && isLocal()) hub.published(RUN, accepted);
  }

  function commit(type: EventRecord["type"], prev: Position): void {
    const record = fact(store.lastSeq + 1, prev, type);
    store.add(...unflushed, record);
    unflushed = [];
    whole.set(formatPosition(record), record);
    publish(record, true);
    if (liveLog.isAway && isLocal()) hub.stored(RUN, at(record.seq));
  }

  function give(record: EventRecord): void {
    whole.set(formatPosition(record), record);
    publish(record, true);
    unflushed.push(record);
  }

  commit("run.created", at(0));
  return {
    whole,
    /** False when the run has ended. */
    next(): boolean {
      if (store.status === "completed") return false;
      if (step === null) {
        const segment = todo.shift();
        if (segment === undefined) commit("run.completed", store.last);
        else if (segment.kind === "plain") commit("tool.requested", store.last);
        else {
          commit("step.started", store.last);
          step = { ...segment, seq: store.lastSeq, given: 0 };
        }
      } else if (step.given < step.deltas) {
        step.given += 1;
        give(delta(step.seq, step.given, step.bytes));
      } else if (step.ends === "completed") {
        commit("step.completed", at(step.seq, step.given));
        step = null;
      } else {
        // The new holder knows only what the store has; what the old one had not flushed dies with it.
        unflushed = [];
        zombies.push({ seq: step.seq, given: step.given });
        commit("step.discarded", store.last);
        step = null;
      }
      return true;
    },
    flush(): void {
      store.add(...unflushed);
      const last = unflushed.at(-1);
      unflushed = [];
      if (last !== undefined && liveLog.isAway && isLocal()) hub.stored(RUN, at(last.seq, last.sub));
    },
    zombie(n: number): void {
      const one = zombies[n % Math.max(1, zombies.length)];
      if (one === undefined) return;
      one.given += 1;
      const record = delta(one.seq, one.given);
      whole.set(formatPosition(record), record);
      publish(record, false);
    },
  };
}

type Action =
  | {
      readonly kind: "write" | "deliver" | "lose" | "double" | "watch" | "drain" | "zombie" | "pass";
      readonly n: number;
    }
  | { readonly kind: "flush" | "wipe" | "resync" | "away" | "down" | "hold" | "local" };

const segment: fc.Arbitrary<Segment> = fc.oneof(
  fc.constant<Segment>({ kind: "plain" }),
  fc.record({
    kind: fc.constant("step" as const),
    deltas: fc.integer({ min: 1, max: 12 }),
    // The larger ones push others out of the ring.
    bytes: fc.constantFrom(1, 1, 100_000),
    ends: fc.constantFrom("completed" as const, "crashed" as const),
  }),
);

const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("write" as const), n: fc.nat(4) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom("deliver", "watch", "drain"), n: fc.nat(100) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom("lose", "double", "zombie", "pass"), n: fc.nat(100) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("flush", "wipe", "resync", "away", "down", "hold", "local") }),
  },
);

/** Without memory, a watcher that is not handed an event as it comes reads it in the log. */
const NO_MEMORY = { ringBytesMax: 0, laggingRingBytesMax: 0, ringsBytesMax: 0 };

test("for any schedule, what each watcher sees from any position on equals the whole record (R8)", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(undefined, undefined, NO_MEMORY),
      fc.boolean(),
      fc.array(segment, { minLength: 1, maxLength: 6 }),
      fc.array(action, { minLength: 10, maxLength: 80, size: "max" }),
      async (ringBounds, startsLocal, segments, actions) => {
        const world = createFollowWorld(ringBounds === undefined ? {} : { ringBounds });
        const { store, liveLog, hub, clock } = world;
        let isLocal = startsLocal;
        const writer = createWriter(world, segments, () => isLocal);
        const watchers: { readonly from: Position; socket: FakeSocket; readonly before: string[] }[] = [];

        async function watch(n: number): Promise<void> {
          const committed = [...writer.whole.keys()].map((text) => parsePosition(text) ?? at(0));
          const from = n % 3 === 0 ? at(0) : (committed[n % committed.length] ?? at(0));
          const format = n % 5 === 0 ? jsonFormat : sseFormat;
          const socket = await world.watch(formatPosition(from), n % 2 === 0 ? 1 : undefined, format);
          watchers.push({ from, socket, before: [] });
        }

        await watch(0);
        for (const { kind, ...rest } of actions) {
          const n = "n" in rest ? rest.n : 0;
          switch (kind) {
            case "write":
              for (let event = 0; event <= n; event++) writer.next();
              break;
            case "deliver":
              liveLog.deliver(n % Math.max(1, liveLog.notifications.length));
              break;
            case "lose":
              liveLog.notifications.splice(n % Math.max(1, liveLog.notifications.length), 1);
              break;
            case "double":
              liveLog.notifications.push(...liveLog.notifications.slice(n % Math.max(1, liveLog.notifications.length)));
              break;
            case "watch":
              if (!store.isDown) await watch(n);
              break;
            case "drain":
              watchers[n % Math.max(1, watchers.length)]?.socket.drain();
              break;
            case "zombie":
              writer.zombie(n);
              break;
            case "pass":
              clock.advance(n * 30);
              break;
            case "flush":
              writer.flush();
              break;
            case "wipe":
              liveLog.records = [];
              break;
            case "resync":
              liveLog.tell({ kind: "resync" });
              break;
            case "away":
              liveLog.isAway = !liveLog.isAway;
              if (!liveLog.isAway) liveLog.tell({ kind: "resync" });
              break;
            case "down":
              store.isDown = !store.isDown;
              break;
            case "hold":
              for (const gate of [store.gate, liveLog.gate]) {
                gate.isHolding = !gate.isHolding;
                gate.open();
              }
              break;
            case "local":
              isLocal = !isLocal;
              break;
          }
          await settle();
        }

        // The storm is over: the run goes on to its end, and everybody is given the time that healing may take.
        store.isDown = false;
        for (const gate of [store.gate, liveLog.gate]) {
          gate.isHolding = false;
          gate.open();
        }
        while (writer.next());
        for (let second = 0; second < 8; second++) {
          for (const watcher of watchers) {
            watcher.socket.room = Number.POSITIVE_INFINITY;
            watcher.socket.drain();
            if (watcher.socket.ended !== "failed") continue;
            // It was within a large delta that was lost with its step, was cut, and comes back.
            watcher.before.push(...watcher.socket.ids);
            watcher.socket = await world.watch(watcher.before.at(-1) ?? formatPosition(watcher.from));
          }
          clock.advance(1000);
          await settle();
        }

        expect(world.errors).toEqual([]);
        for (const { from, before, socket } of watchers) {
          expect(socket.ended).toBe("ended");
          expectWhole(writer.whole, store.records, from, [...before, ...socket.ids]);
        }
        expect(hub.counts()).toMatchObject({ watchers: 0, bufferedBytes: 0 });
      },
    ),
    { numRuns: 450 },
  );
});

/** R8: facts equal, deltas of completed steps equal, each step cut short a prefix of its longest record. */
function expectWhole(
  whole: ReadonlyMap<string, EventRecord>,
  stored: readonly EventRecord[],
  from: Position,
  ids: readonly string[],
): void {
  const facts = stored.filter(({ sub }) => sub === 0);
  const isCutShort = (seq: number) => facts.find((one) => one.seq === seq + 1)?.type === "step.discarded";
  const after = [...whole.values()].filter((record) => comparePositions(record, from) > 0).toSorted(comparePositions);
  const certain = after.filter(({ seq, sub }) => sub === 0 || !isCutShort(seq)).map(formatPosition);
  const seen = ids.map((text) => parsePosition(text) ?? at(0));
  expect(seen.filter(({ seq, sub }) => sub === 0 || !isCutShort(seq)).map(formatPosition)).toEqual(certain);
  expect(seen.toSorted(comparePositions)).toEqual(seen);
  for (const { seq } of facts.filter((one) => isCutShort(one.seq))) {
    const subs = seen.filter((one) => one.seq === seq && one.sub > 0).map(({ sub }) => sub);
    const first = from.seq === seq ? from.sub + 1 : 1;
    expect(subs).toEqual(subs.map((_, index) => first + index));
  }
}
