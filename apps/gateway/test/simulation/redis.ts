import { comparePositions, START } from "@hsafa/protocol";
import type { EventRecord } from "../../src/core/event-record.ts";
import { LIVE_LOG_TIMEOUT_MS } from "../../src/ports/limits.ts";
import type { Bell, Ring } from "../../src/ports/bell.ts";
import type { AppendOutcome, LiveLog, LiveMessage } from "../../src/ports/live-log.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";
import type { Machine } from "./machine.ts";
import type { Plant } from "./plants.ts";
import type { Random } from "./random.ts";
import type { Recorder } from "./recorder.ts";
import type { Scheduler } from "./scheduler.ts";

interface Listener {
  readonly machine: Machine;
  readonly hear: (news: LiveMessage) => void;
  isHeard: boolean;
}

interface BellListener {
  readonly machine: Machine;
  readonly hear: (ring: Ring) => void;
}

/** Redis as a fleet shares it: a live log and a bell whose every message may be lost, late, doubled or out of order. */
export class SimulatedRedis {
  state: "up" | "down" | "hanging" = "up";
  /** The share of notifications and rings that never come, and that come twice. */
  lostShare = 0;
  doubledShare = 0;
  typicalMs = 0.5;
  /** Records kept per run. */
  recordsMax = 4096;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #recorder: Recorder;
  readonly #plant: Plant | null;
  readonly #logs = new Map<string, EventRecord[]>();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #bells = new Set<BellListener>();

  constructor(scheduler: Scheduler, random: Random, recorder: Recorder, plant: Plant | null) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#recorder = recorder;
    this.#plant = plant;
  }

  wipe(): void {
    this.#logs.clear();
  }

  /** Its listeners hear nothing until it is back. */
  fail(state: "down" | "hanging"): void {
    this.state = state;
    for (const listener of this.#all()) listener.isHeard = false;
  }

  /** Connections are made anew, and each listener is told to look into the store. */
  comeBack(): void {
    if (this.state === "up") return;
    this.state = "up";
    for (const listener of this.#all()) {
      listener.isHeard = true;
      this.#deliver(listener, { kind: "resync" }, false);
    }
  }

  append({ log: name, runId, records, below }: RunAppend): AppendOutcome {
    const key = keyOf(name, runId);
    const former = this.#logs.get(key) ?? [];
    const heldAt = (one: EventRecord) => former.find((held) => comparePositions(held, one) === 0);
    const isOther = (one: EventRecord): boolean => {
      const held = heldAt(one);
      return one.sub === 0 && held !== undefined && (held.type !== one.type || held.ts !== one.ts);
    };
    if ([...(below === null ? [] : [below]), ...records].some(isOther)) return { kind: "other_history" };
    const log = below === null || heldAt(below) !== undefined ? former : [];
    this.#logs.set(key, log);
    const accepted: EventRecord[] = [];
    for (const record of records) {
      const top = log.at(-1);
      const isAbove = top === undefined || comparePositions(record, top) > 0;
      if (!isAbove && this.#plant !== "accept_stale_append") {
        this.#recorder.counts.refusedAppends += 1;
        continue;
      }
      if (!isAbove)
        this.#recorder.fail("R2", `the live log took ${record.seq}-${record.sub} of ${runId} below its top`);
      log.push(record);
      accepted.push(record);
      this.#recorder.seen("the live log", runId, record);
    }
    if (log.length > this.recordsMax) log.splice(0, log.length - this.recordsMax);
    if (accepted.length > 0)
      this.#notify(key, { kind: "records", records: this.#plant === "take_gaps" ? passable(accepted) : accepted });
    return { kind: "appended", accepted };
  }

  read(key: string, after: { seq: number; sub: number }, limit: number): EventRecord[] {
    return (this.#logs.get(key) ?? []).filter((record) => comparePositions(record, after) > 0).slice(0, limit);
  }

  listen(key: string, listener: Listener): () => void {
    const ofRun = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, ofRun.add(listener));
    listener.isHeard = this.state === "up";
    return () => void ofRun.delete(listener);
  }

  announce(key: string, json: string): void {
    if (this.state === "up") this.#notify(key, { kind: "progress", json });
  }

  listenBell(listener: BellListener): () => void {
    this.#bells.add(listener);
    return () => void this.#bells.delete(listener);
  }

  ring(from: Machine, ring: Ring): void {
    for (const listener of this.#bells) {
      if (listener.machine === from || this.state !== "up") continue;
      for (let copy = this.#copies(); copy > 0; copy--) {
        this.#after("bell", () => listener.machine.enter(() => this.#bells.has(listener) && listener.hear(ring)));
      }
    }
  }

  #notify(key: string, news: LiveMessage): void {
    for (const listener of this.#listeners.get(key) ?? []) {
      for (let copy = this.#copies(); copy > 0; copy--) this.#deliver(listener, news, true);
    }
  }

  #deliver(listener: Listener, news: LiveMessage, mayBeLost: boolean): void {
    this.#after("news", () => {
      if (listener.isHeard || !mayBeLost) listener.machine.enter(() => listener.hear(news));
    });
  }

  #copies(): number {
    if (this.#random.chance(this.lostShare)) return 0;
    return this.#random.chance(this.doubledShare) ? 2 : 1;
  }

  #after(what: string, run: () => void): void {
    this.#scheduler.after(this.#random.delayMs(this.typicalMs), what, run);
  }

  #all(): Listener[] {
    return [...this.#listeners.values()].flatMap((ofRun) => [...ofRun]);
  }
}

/** Which logs of runs: those of one tenant, in one generation of the store. */
interface LogName {
  readonly tag: string;
  readonly tenantId: TenantId;
}

/** A batch for the log of one run. */
interface RunAppend {
  readonly log: LogName;
  readonly runId: string;
  readonly records: readonly EventRecord[];
  readonly below: EventRecord | null;
}

function keyOf({ tag, tenantId }: LogName, runId: string): string {
  return `${tag}/${tenantId}/${runId}`;
}

/** Records that a reader accepts over any gap: each names the beginning as its predecessor. */
function passable(records: readonly EventRecord[]): EventRecord[] {
  return records.map((record) => ({ ...record, prev: START }));
}

/** The live log as one machine reaches it. */
export function linkLiveLog(machine: Machine, redis: SimulatedRedis): LiveLog {
  const { scheduler, random, clock, name } = machine;

  function ask<T>(what: string, action: () => T, away: T): Promise<T> {
    return new Promise((resolve) => {
      if (!machine.mayAct()) return;
      scheduler.trace(`${name} ${what}`);
      const forget = clock.after(LIVE_LOG_TIMEOUT_MS, () => resolve(away));
      const answer = (value: T): void =>
        void scheduler.after(random.delayMs(redis.typicalMs), `${name}<${what}`, () =>
          machine.enter(() => {
            forget();
            resolve(value);
          }),
        );
      scheduler.after(random.delayMs(redis.typicalMs), `${name}>${what}`, () => {
        if (redis.state === "down") return answer(away);
        // A server that hangs may still do what it was asked. Nobody is told.
        if (redis.state === "up" || random.chance(0.3)) {
          const value = action();
          if (redis.state === "up") answer(value);
        }
      });
    });
  }

  let tag = "";

  return {
    enter(present) {
      tag = present;
    },
    forTenant: (tenantId) => ({
      append: ({ runId, records, below = null }) => {
        const batch = { log: { tag, tenantId }, runId, records, below };
        return ask<AppendOutcome>("append", () => redis.append(batch), { kind: "unavailable" });
      },
      read: ({ runId, after, limit }) => {
        const key = keyOf({ tag, tenantId }, runId);
        return ask<readonly EventRecord[]>("read", () => redis.read(key, after, limit), []);
      },
      async subscribe({ runId, listener }) {
        const key = keyOf({ tag, tenantId }, runId);
        let isGone = false;
        let leave = (): void => {};
        const begin = (): void => {
          if (isGone) return;
          leave = redis.listen(key, { machine, isHeard: true, hear: (news) => void (isGone || listener(news)) });
        };
        // Away: the listener is told to look into the store when Redis is back.
        const isAway = await ask("subscribe", () => (begin(), false), true);
        if (isAway) begin();
        return {
          unsubscribe() {
            isGone = true;
            leave();
          },
        };
      },
      sendProgress: ({ runId, json }) => {
        if (machine.mayAct()) redis.announce(keyOf({ tag, tenantId }, runId), json);
      },
    }),
    check: () => ask("check", () => null, "away"),
    close: async () => {},
  };
}

/** The bell as one machine has it: its own rings are heard at once. */
export function linkBell(machine: Machine, redis: SimulatedRedis): Bell {
  const listeners = new Set<{ hear: (ring: Ring) => void }>();
  return {
    ring(ring) {
      if (!machine.mayAct()) return;
      machine.scheduler.trace(`${machine.name} rings ${ring.about}`);
      for (const { hear } of listeners) hear(ring);
      redis.ring(machine, ring);
    },
    listen(hear) {
      const own = { hear };
      listeners.add(own);
      const leave = redis.listenBell({ machine, hear });
      return () => {
        listeners.delete(own);
        leave();
      };
    },
    close: async () => {},
  };
}
