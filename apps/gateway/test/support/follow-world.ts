import { comparePositions, type Position, type RunStatus } from "@hsafa/protocol";
import { FollowHub, type FollowHubDeps } from "../../src/follow/follow-hub.ts";
import { jsonFormat } from "../../src/edge/stream/formats/json.ts";
import { sseFormat } from "../../src/edge/stream/formats/sse.ts";
import type { EncodedBatch } from "../../src/follow/event-batch.ts";
import type { EventFormat } from "../../src/follow/event-format.ts";
import type { Sink, WatcherEnd, WatcherHandle } from "../../src/follow/sink.ts";
import type { Principal } from "../../src/access/principal.ts";
import type { EventRecord } from "../../src/core/event-record.ts";
import { WATCHER_WRITE_BYTES_MAX } from "../../src/follow/limits.ts";
import { FIRST_GENERATION, type Generation } from "../../src/ports/generation.ts";
import type { LiveLog, LiveMessage, TenantLiveLog } from "../../src/ports/live-log.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { StoreGeneration } from "../../src/runtime/store-generation.ts";
import { recordingLog } from "./recording-log.ts";
import { ManualClock } from "./manual-clock.ts";
import { asTenantId, type TenantId } from "../../src/core/tenant-id.ts";

export const TENANT = asTenantId("tenant-a");
/** Of the generation that begins when a loss is noticed. */
export const OTHER_TAG = "0badcafe";
export const RUN = "0199c8f0-0000-7000-8000-0000000000aa";
const TS = Date.parse("2026-11-22T12:00:00.000Z");

export const at = (seq: number, sub = 0): Position => ({ seq, sub });

export function fact(seq: number, prev: Position, type: EventRecord["type"] = "tool.requested", size = 0): EventRecord {
  return { seq, sub: 0, prev, type, ts: TS, payload: JSON.stringify({ n: seq, pad: "x".repeat(size) }) };
}

export function delta(seq: number, sub: number, size = 0): EventRecord {
  return { seq, sub, prev: null, type: "text.delta", ts: TS, payload: JSON.stringify({ text: "y".repeat(size) }) };
}

/** Lets everything that waits for nothing but its turn go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Lets calls return at once, or holds them until the test opens it. They return what was true when they were made. */
class Gate {
  isHolding = false;
  #held: (() => void)[] = [];

  async pass<T>(answer: T): Promise<T> {
    if (this.isHolding) await new Promise<void>((resolve) => this.#held.push(resolve));
    return answer;
  }

  open(): void {
    const held = this.#held;
    this.#held = [];
    for (const resolve of held) resolve();
  }
}

/** The store of one run, as far as followers read it. */
export class FakeStore {
  readonly records: EventRecord[] = [];
  readonly gate = new Gate();
  status: RunStatus = "running";
  isDown = false;
  reads = 0;
  tailReads = 0;

  add(...records: EventRecord[]): void {
    for (const record of records) {
      if (this.records.some((held) => comparePositions(held, record) === 0)) continue;
      this.records.push(record);
      if (record.type === "run.completed") this.status = "completed";
    }
    this.records.sort(comparePositions);
  }

  generation: Generation = FIRST_GENERATION;
  keptSeq: number | null = null;

  get lastSeq(): number {
    return this.records.at(-1)?.seq ?? 0;
  }

  get last(): Position {
    const { seq, sub } = this.records.at(-1) ?? at(0);
    return { seq, sub };
  }

  forTenant(tenantId: TenantId) {
    return {
      findRunBounds: async ({ runId }: { runId: string }) => {
        this.#check();
        if (tenantId !== TENANT || runId !== RUN) return null;
        return { id: runId, threadId: null, deviceKey: null, subject: null };
      },
      readTail: async ({ runId }: { runId: string }) => {
        this.#check();
        this.tailReads += 1;
        if (tenantId !== TENANT || runId !== RUN) return null;
        return { status: this.status, lastSeq: this.lastSeq, keptSeq: this.keptSeq, generation: this.generation };
      },
      readEvents: async ({ runId, after, limit }: { runId: string; after: Position; limit: number }) => {
        this.#check();
        this.reads += 1;
        if (tenantId !== TENANT || runId !== RUN) return [];
        const page = this.records.filter((record) => comparePositions(record, after) > 0).slice(0, limit);
        return this.gate.pass(page);
      },
    };
  }

  readonly fleet = {
    readTails: async ({ runIds }: { runIds: readonly string[] }) => {
      this.#check();
      return new Map(runIds.filter((runId) => runId === RUN).map((runId) => [runId, this.lastSeq]));
    },
    judgeServer: async ({ expected, wentBack }: { expected: string; wentBack: boolean }) => {
      this.#check();
      if (wentBack && expected === this.generation.tag)
        this.generation = { tag: OTHER_TAG, formerTags: [], wasReplaced: false };
      return this.generation;
    },
  };

  /** The store loses what came after this position. */
  goBackTo(position: Position): void {
    this.records.splice(0, Infinity, ...this.records.filter((record) => comparePositions(record, position) <= 0));
    this.status = "running";
  }

  #check(): void {
    if (this.isDown) throw new StoreUnavailable("down");
  }
}

/** A live log whose notifications wait for the test to deliver, double, reorder or lose them. */
export class LossyLiveLog implements Pick<LiveLog, "check">, Pick<TenantLiveLog, "read" | "subscribe"> {
  records: EventRecord[] = [];
  readonly gate = new Gate();
  readonly listeners = new Set<(news: LiveMessage) => void>();
  notifications: EventRecord[][] = [];
  isAway = false;
  subscriptions = 0;

  /** The world has one run, so it has one tenant's log. */
  forTenant(): this {
    return this;
  }

  /** A log of another generation, which is empty. */
  enter(): void {
    this.records = [];
    this.notifications = [];
    this.listeners.clear();
  }

  /** Redis's own rule: only what stands above the top. */
  append(...records: EventRecord[]): EventRecord[] {
    if (this.isAway) return [];
    const accepted: EventRecord[] = [];
    for (const record of records) {
      const top = this.records.at(-1);
      if (top !== undefined && comparePositions(record, top) <= 0) continue;
      this.records.push(record);
      accepted.push(record);
    }
    if (accepted.length > 0) this.notifications.push(accepted);
    return accepted;
  }

  deliver(index = 0): void {
    const [records] = this.notifications.splice(index, 1);
    if (records !== undefined) this.tell({ kind: "records", records });
  }

  deliverAll(): void {
    while (this.notifications.length > 0) this.deliver();
  }

  tell(news: LiveMessage): void {
    for (const listener of this.listeners) listener(news);
  }

  async read({ after, limit }: { runId: string; after: Position; limit: number }) {
    if (this.isAway) return [];
    return this.gate.pass(this.records.filter((record) => comparePositions(record, after) > 0).slice(0, limit));
  }

  async subscribe({ listener }: { runId: string; listener: (news: LiveMessage) => void }) {
    this.subscriptions += 1;
    await this.gate.pass(undefined);
    this.listeners.add(listener);
    return { unsubscribe: () => void this.listeners.delete(listener) };
  }

  async check() {
    return this.isAway ? "away" : null;
  }
}

/** A watcher's socket: takes `room` bytes (and half of a large frame more), then is full until the test drains it. */
export class FakeSocket implements Sink {
  readonly format: EventFormat;
  ended: WatcherEnd | null = null;
  room: number;
  handle: WatcherHandle | null = null;
  /** The most that was ever buffered. */
  bufferedMost = 0;
  #buffered = 0;
  #bytes = "";
  readonly #ids: string[] = [];
  readonly #progress: string[] = [];

  /** `format`: one that writes as `sseFormat` or `jsonFormat` does. */
  constructor(room = Number.POSITIVE_INFINITY, format: EventFormat = sseFormat) {
    this.room = room;
    this.format = format;
  }

  /** The positions that a client has read so far. */
  get ids(): readonly string[] {
    this.#read();
    return this.#ids;
  }

  get progress(): readonly string[] {
    this.#read();
    return this.#progress;
  }

  #read(): void {
    const frames = this.#bytes.split("\n\n");
    this.#bytes = frames.pop() ?? "";
    for (const frame of frames) {
      const [, id, json = ""] = /^(?:id: (.+)\n)?data: (.+)$/.exec(frame) ?? [];
      const event = JSON.parse(json) as { id?: string };
      if (event.id !== id) throw new Error(`the frame of ${id} holds ${event.id}`);
      if (id === undefined) this.#progress.push(json);
      else this.#ids.push(id);
    }
  }

  isReady = (): boolean => this.#buffered < this.room;

  write: Sink["write"] = (batch, from) => {
    if (this.ended !== null) throw new Error("written to after the end");
    if (!this.isReady()) throw new Error("written to while full");
    const isWhole = batch.byteLength <= WATCHER_WRITE_BYTES_MAX || this.room > batch.byteLength;
    const end = isWhole ? batch.byteLength : Math.min(batch.byteLength, from + Math.ceil(batch.byteLength / 2));
    if (this.format === jsonFormat) return this.#takeMessages(batch);
    this.#bytes += batch.bytes.subarray(from, end).toString();
    this.#buffered += end - from;
    this.bufferedMost = Math.max(this.bufferedMost, this.#buffered);
    return end - from;
  };

  /** A message for each event, as a watch socket sends them. */
  #takeMessages(batch: EncodedBatch): number {
    for (const part of batch.parts) {
      const { id } = JSON.parse(part.toString()) as { id?: string };
      if (id === undefined) this.#progress.push(part.toString());
      else this.#ids.push(id);
    }
    this.#buffered += batch.byteLength;
    return batch.byteLength;
  }

  close = (end: WatcherEnd): void => {
    if (this.ended !== null) throw new Error("closed twice");
    this.ended = end;
  };

  drain(): void {
    this.#buffered = 0;
    this.handle?.drained();
  }
}

/** The key of a tenant's watchers. */
export function principalOf(tenant: string, name = "key"): Principal {
  return { kind: "api_key", keyId: "key-1", tenantId: asTenantId(tenant), name, scopes: ["runs:read"] };
}

export interface FollowWorld {
  readonly store: FakeStore;
  readonly liveLog: LossyLiveLog;
  readonly clock: ManualClock;
  readonly hub: FollowHub;
  /** What was told an operator as an error. */
  readonly errors: readonly string[];
  watch(after?: string, room?: number, format?: EventFormat): Promise<FakeSocket>;
  /** Lets time pass in small steps, with everybody's turn between them. */
  pass(ms: number): Promise<void>;
}

/** `bounds`: instead of the usual ones. */
export function createFollowWorld(bounds: Pick<FollowHubDeps, "ringBounds" | "watchersMax"> = {}): FollowWorld {
  const store = new FakeStore();
  const liveLog = new LossyLiveLog();
  const clock = new ManualClock();
  const log = recordingLog();
  const generation = new StoreGeneration({
    fleet: store.fleet,
    log,
    leave: async () => {},
    enter: () => {
      liveLog.enter();
      hub.enter();
    },
  });
  const hub: FollowHub = new FollowHub({
    store,
    generation,
    liveLog,
    clock,
    log,
    ...bounds,
  });
  return {
    store,
    liveLog,
    clock,
    hub,
    errors: log.errors,
    async watch(after, room, format) {
      const outcome = await hub.follow({ principal: principalOf(TENANT), runId: RUN, after });
      const socket = new FakeSocket(room, format);
      if (outcome.kind === "at_end") socket.ended = "ended";
      else if (outcome.kind === "following") socket.handle = outcome.watch(socket);
      else throw new Error(`cannot follow: ${outcome.kind}`);
      return socket;
    },
    async pass(ms) {
      for (let passed = 0; passed < ms; passed += 100) {
        clock.advance(Math.min(100, ms - passed));
        await settle();
      }
    },
  };
}

/** A world whose run has begun a step: its facts are 1-0 to 3-0. */
export function createStepWorld(bounds?: Parameters<typeof createFollowWorld>[0]): FollowWorld {
  const world = createFollowWorld(bounds);
  world.store.add(fact(1, at(0), "run.created"), fact(2, at(1), "run.started"), fact(3, at(2), "step.started"));
  return world;
}
