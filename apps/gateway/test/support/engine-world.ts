import {
  type AgentConfigInput,
  formatPosition,
  isTerminalStatus,
  type JsonObject,
  type RunStatus,
  START,
  type ToolConfig,
} from "@hsafa/protocol";
import assert from "node:assert/strict";
import { createLocalAjvSchemas } from "../../src/adapters/ajv/local-ajv-schemas.ts";
import { createMemoryBell } from "../../src/adapters/memory/memory-bell.ts";
import { createMemoryLiveLog } from "../../src/adapters/memory/memory-live-log.ts";
import type { ToolFunction } from "../../src/adapters/server-tools/function-tool.ts";
import { createServerTools } from "../../src/adapters/server-tools/server-tools.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { accept, type EventRecord, parseFact } from "../../src/core/event-record.ts";
import type { ModelPrices } from "../../src/core/priced-usage.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { EngineDeps } from "../../src/engine/engine-deps.ts";
import { FileRoom } from "../../src/engine/file-room.ts";
import { fileStores } from "../../src/ports/file-store.ts";
import { RecordRoom } from "../../src/engine/record-room.ts";
import { RUNS_HELD_MAX } from "../../src/engine/limits.ts";
import type { Bell } from "../../src/ports/bell.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Inbox } from "../../src/ports/fleet-store.ts";
import type { LiveLog } from "../../src/ports/live-log.ts";
import type { Model } from "../../src/ports/model.ts";
import type { ServerTools } from "../../src/ports/server-tools.ts";
import type { Store } from "../../src/ports/store.ts";
import type { ForkOfRun, StartOutcome, SubmitResultOutcome, TenantStore } from "../../src/ports/tenant-store.ts";
import { toolResultInput } from "../../src/ports/inbox.ts";
import type { HoldOffer, StartOffer } from "../../src/ports/hold-offer.ts";
import { StoreGeneration } from "../../src/runtime/store-generation.ts";
import { LoopTurns } from "../../src/runtime/loop-turns.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import type { TenantQuotas } from "../../src/runtime/tenant-quotas.ts";
import { ANY_STARTER } from "./any-starter.ts";
import { NO_QUOTAS } from "./no-quotas.ts";
import { FaultyFleet } from "./faulty-fleet.ts";
import { noSecrets } from "./no-secrets.ts";
import { PuppetModel } from "./puppet-model.ts";
import { recordingLog } from "./recording-log.ts";
import { realTime, virtualTime, type WorldTime } from "./world-time.ts";
import { EMPTY_PLACES } from "./empty-places.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";
import { AN_ACTOR } from "./an-actor.ts";

/** No run of these tests is claimed more often. */
const EPOCHS_MAX = 20;

/** One gateway's engine, with what its own watchers were told. */
export interface EngineUnderTest {
  readonly engine: Engine;
  readonly fleet: FaultyFleet;
  readonly log: ReturnType<typeof recordingLog>;
  /** Records shown to watchers, by run. */
  readonly published: Map<string, EventRecord[]>;
  /** Positions told as stored, by run. */
  readonly stored: Map<string, string[]>;
}

export interface EngineOptions {
  readonly model?: Model;
  readonly leaseDurationMs?: number;
  readonly runsHeldMax?: number;
  readonly liveLog?: LiveLog;
  readonly functions?: Readonly<Record<string, ToolFunction>>;
  readonly serverTools?: ServerTools;
  readonly clock?: Clock;
  readonly quotas?: Pick<TenantQuotas, "lackAsRemembered">;
  readonly prices?: ModelPrices;
  readonly recordRoom?: RecordRoom;
}

type Tool = Partial<ToolConfig> & { name: string };
const schema = { type: "object" };

/** A tool that somebody answers over HTTP. */
export const externalTool = (name: string, more: Partial<Tool> = {}) => ({
  name,
  inputSchema: schema,
  target: "external" as const,
  ...more,
});

/** A tool that a function of the gateway performs. */
export const functionTool = (name: string, more: Partial<Tool> = {}) => ({
  name,
  inputSchema: schema,
  server: { type: "function" as const },
  ...more,
});

/** Engines over one store, one live log and one bell, in this process. */
export class EngineWorld {
  readonly store: Store;
  readonly tenantId: TenantId;
  readonly tenant: TenantStore;
  readonly time: WorldTime;
  readonly model: PuppetModel;
  readonly bell: Bell;
  readonly liveLog: LiveLog;
  readonly #busLog = recordingLog();
  readonly #engines: EngineUnderTest[] = [];
  readonly #runs: string[] = [];
  #agents = 0;

  private constructor(store: Store, tenantId: TenantId, time: WorldTime) {
    this.store = store;
    this.tenantId = tenantId;
    this.tenant = store.forTenant(tenantId);
    this.time = time;
    this.model = new PuppetModel(time);
    this.bell = createMemoryBell({ log: this.#busLog });
    this.liveLog = createMemoryLiveLog({ clock: time.clock, log: this.#busLog });
  }

  /** A world over this store, with a tenant of its own, in real time. */
  static open(store: Store): Promise<EngineWorld> {
    return EngineWorld.#open(store, realTime);
  }

  /** A world over a store in memory, in virtual time. */
  static openInMemory(): Promise<EngineWorld> {
    return EngineWorld.openOn((clock) => createMemoryStore({ clock }));
  }

  /** A world over a store of the test's own, in virtual time. */
  static openOn(open: (clock: Clock) => Store): Promise<EngineWorld> {
    const time = virtualTime();
    return EngineWorld.#open(open(time.clock), time);
  }

  static async #open(store: Store, time: WorldTime): Promise<EngineWorld> {
    const tenantName = `tenant-${systemClock.newId()}`;
    const owner = await store.fleet.ensureApiKey({ tenantName, name: "test", keyHash: tenantName, scopes: ["admin"] });
    return new EngineWorld(store, owner.tenantId, time);
  }

  /** Starts another gateway's engine. */
  gateway(options: EngineOptions = {}): EngineUnderTest {
    const fleet = new FaultyFleet(this.store.fleet);
    const log = recordingLog();
    const published = new Map<string, EventRecord[]>();
    const stored = new Map<string, string[]>();
    const clock = options.clock ?? this.time.clock;
    const liveLog = options.liveLog ?? this.liveLog;
    const generation = new StoreGeneration({
      fleet: fleet.port,
      log,
      leave: () => engine.dropLostRuns(),
      enter: ({ tag }) => liveLog.enter(tag),
    });
    const deps: EngineDeps = {
      gatewayId: systemClock.newId(),
      leaseDurationMs: options.leaseDurationMs ?? 6000,
      runsHeldMax: options.runsHeldMax ?? RUNS_HELD_MAX,
      isOnlyGateway: true,
      store: fleet.port,
      liveLog,
      bell: this.bell,
      localFeed: {
        born() {},
        left() {},
        published: (runId, records) => void listOf(published, runId).push(...records),
        stored: (runId, upTo) => void listOf(stored, runId).push(formatPosition(upTo)),
      },
      clock,
      model: options.model ?? this.model,
      serverTools:
        options.serverTools ?? createServerTools({ functions: options.functions ?? {}, fetch, secrets: noSecrets }),
      schemas: createLocalAjvSchemas(),
      turns: new LoopTurns(clock),
      generation,
      revocations: { heard() {} },
      log,
      quotas: options.quotas ?? NO_QUOTAS,
      prices: options.prices ?? new Map(),
      files: fileStores(this.store.files),
      fileLoading: {
        tenantFiles: (tenantId) => this.store.forTenant(tenantId),
        files: fileStores(this.store.files),
        room: new FileRoom(),
      },
    };
    const engine: Engine = new Engine(deps, options.recordRoom ?? new RecordRoom({ clock }));
    const gateway = { engine, fleet, log, published, stored };
    this.#engines.push(gateway);
    engine.start();
    return gateway;
  }

  /** Pushes an agent; returns its id. */
  async push(config: Partial<AgentConfigInput> & { readonly name: string }): Promise<string> {
    this.#agents += 1;
    const { name } = config;
    const whole = { model: "demo/hello", ...config };
    const pushed = await this.tenant.pushAgent({
      by: AN_ACTOR,
      name,
      description: null,
      version: null,
      config: whole as unknown as JsonObject,
      configHash: `hash-${this.#agents}`,
      promote: true,
    });
    return pushed.agentId;
  }

  /** Pushes an agent and starts a run of it, which waits for a claim; returns the run's id. */
  async start(config: Partial<AgentConfigInput> = {}, threadId?: string, content = "hi"): Promise<string> {
    const { runId } = await this.startUnder(null, config, threadId, content);
    this.bell.ring({ about: "run", runId });
    return runId;
  }

  /** Starts a run on this gateway, which takes it up at once if it can. `isHeld`: it did. */
  async startOn(
    { engine }: EngineUnderTest,
    config: Partial<AgentConfigInput> = {},
    threadId?: string,
  ): Promise<{ readonly runId: string; readonly isHeld: boolean }> {
    let started: { readonly runId: string; readonly isHeld: boolean } | null = null;
    await engine.uptake.start(this.tenantId, async (offer) => {
      const outcome = await this.startUnder(offer, config, threadId);
      started = outcome;
      return outcome;
    });
    assert(started !== null);
    const { runId, isHeld } = started as { readonly runId: string; readonly isHeld: boolean };
    if (!isHeld) this.bell.ring({ about: "run", runId });
    return { runId, isHeld };
  }

  /** Pushes an agent and starts a run of it under an offer, if there is one; tells nobody. */
  async startUnder(
    offer: StartOffer | null,
    config: Partial<AgentConfigInput> = {},
    threadId?: string,
    content = "hi",
    fork: ForkOfRun | null = null,
  ): Promise<Extract<StartOutcome, { kind: "started" }>> {
    const agentId = await this.push({ name: `agent-${this.#agents + 1}`, ...config });
    const runId = systemClock.newId();
    const outcome = await this.tenant.startRun({
      runId,
      agent: agentId,
      versionId: undefined,
      by: AN_ACTOR,
      policy: "queue",
      threadId,
      earlier: [],
      messages: [{ role: "user", content }],
      deviceKey: null,
      metadata: {},
      limits: undefined,
      admit: () => [],
      subject: null,
      startedBy: ANY_STARTER,
      idempotency: null,
      offer,
      fork,
    });
    if (outcome.kind !== "started") throw new Error(`The run did not start: ${outcome.kind}`);
    this.#runs.push(runId);
    return outcome;
  }

  async cancel(runId: string): Promise<void> {
    const dedupe = { key: "cancel", bodyHash: "" };
    await this.tenant.enqueueInput({ by: AN_ACTOR, runId, input: { kind: "cancel", reason: "enough" }, dedupe });
    this.bell.ring({ about: "run", runId });
  }

  async say(runId: string, content: string): Promise<void> {
    const input = { kind: "message", message: { role: "user", content } } as const;
    const outcome = await this.tenant.enqueueInput({ by: AN_ACTOR, runId, input, dedupe: null });
    assert.equal(outcome.kind, "accepted");
    this.bell.ring({ about: "run", runId });
  }

  async answer(runId: string, callId: string, result: string): Promise<void> {
    await this.answerUnder(null, runId, callId, result);
    this.bell.ring({ about: "run", runId });
  }

  /**
   * Gives a result to this gateway, which takes the run up at once if it can. Returns whether it did. `submit`: what
   * the gateway does under its offer.
   */
  async answerOn(
    { engine }: EngineUnderTest,
    runId: string,
    callId: string,
    result: string,
    submit = (offer: HoldOffer | null) => this.answerUnder(offer, runId, callId, result),
  ): Promise<boolean> {
    const input = toolResultInput({ callId, outcome: { kind: "completed", result }, from: { kind: "http", runId } });
    const outcome = await engine.uptake.answer(this.tenantId, { runId, input }, submit);
    const isTaken = outcome.kind === "accepted" && outcome.taken !== null;
    if (!isTaken) this.bell.ring({ about: "run", runId });
    return isTaken;
  }

  /** Gives a result under an offer, if there is one; tells nobody. */
  async answerUnder(
    offer: HoldOffer | null,
    runId: string,
    callId: string,
    result: string,
  ): Promise<SubmitResultOutcome> {
    const outcome = await this.tenant.submitToolResult({
      callId,
      outcome: { kind: "completed", result },
      bodyHash: result,
      from: { kind: "http", runId },
      offer,
    });
    assert.equal(outcome.kind, "accepted");
    return outcome;
  }

  /** The runs are claimed this often, all together, by gateways that are lost at once. */
  async losesGateways(runIds: readonly string[], times: number): Promise<void> {
    for (let n = 0; n < times; n++) {
      const { runs } = await this.store.fleet.claimRuns({
        gatewayId: `doomed-${n}`,
        claimNumber: 1,
        // It is over by the next statement.
        leaseDurationMs: 0,
        limit: 10,
        places: EMPTY_PLACES,
        judgesUntil: Number.POSITIVE_INFINITY,
        lastChancesMax: 10,
      });
      assert.deepEqual(runs.map((run) => run.runId).toSorted(), runIds.toSorted());
    }
  }

  /** The inputs that wait for the run, as its present or last holder reads them. */
  async waiting(runId: string): Promise<Inbox | undefined> {
    for (let epoch = 1; epoch <= EPOCHS_MAX; epoch++) {
      const read = await this.store.fleet.readInbox({ runId, epoch });
      if (read !== null) return read.inbox;
    }
    return undefined;
  }

  async status(runId: string): Promise<RunStatus | undefined> {
    return (await this.tenant.findRun({ runId }))?.status;
  }

  async reaches(runId: string, status: RunStatus, timeoutMs?: number): Promise<void> {
    let seen: RunStatus | undefined;
    await this.until(
      `the run is ${status}`,
      async () => {
        seen = await this.status(runId);
        if (seen !== status && seen !== undefined && isTerminalStatus(seen)) {
          throw new Error(`The run ended as ${seen}: ${(await this.types(runId)).join(" ")}`);
        }
        return seen === status;
      },
      timeoutMs,
    );
  }

  /** The canonical record. */
  async events(runId: string): Promise<EventRecord[]> {
    const events: EventRecord[] = [];
    while (true) {
      const after = events.at(-1) ?? START;
      const page = await this.tenant.readEvents({ runId, after, limit: 500, factsOnly: false });
      if (page.length === 0) return events;
      events.push(...page);
    }
  }

  /** The types of the run's facts, in order. */
  async types(runId: string): Promise<string[]> {
    return (await this.events(runId)).filter((record) => record.sub === 0).map((record) => record.type);
  }

  async fact(runId: string, type: string): Promise<object> {
    const record = (await this.events(runId)).find((candidate) => candidate.type === type);
    if (record === undefined) throw new Error(`The run has no ${type}.`);
    return parseFact(record).data;
  }

  /**
   * R2: facts contiguous from 1, each naming what the record holds before it; deltas counted from 1 under their step.
   */
  async checkRecord(runId: string): Promise<EventRecord[]> {
    const events = await this.events(runId);
    const facts = events.filter((record) => record.sub === 0);
    assert.deepEqual(
      facts.map((record) => record.seq),
      facts.map((_, index) => index + 1),
    );
    const terminal = facts.filter((record) => /^run\.(completed|failed|canceled)$/.test(record.type));
    assert.ok(terminal.length <= 1, `${terminal.length} terminal facts`);
    events.forEach((record, index) => {
      const before = events[index - 1];
      if (record.sub > 0) {
        assert.equal(formatPosition(record), `${before?.seq}-${(before?.sub ?? 0) + 1}`);
        assert.equal(facts.find((candidate) => candidate.seq === record.seq)?.type, "step.started");
      } else if (before !== undefined) assert.deepEqual(record.prev, { seq: before.seq, sub: before.sub });
    });
    return events;
  }

  /**
   * R8: what this gateway published, from the engine's first fact on, has no gap and equals what the store holds.
   */
  async checkPublished(runId: string, gateway: EngineUnderTest): Promise<void> {
    const events = await this.checkRecord(runId);
    const published = gateway.published.get(runId) ?? [];
    const [first] = published;
    assert.ok(first !== undefined, "nothing was published");
    let position = first.prev ?? START;
    for (const record of published) {
      assert.equal(`${formatPosition(record)} ${accept(position, record)}`, `${formatPosition(record)} take`);
      position = record;
    }
    const shape = ({ seq, sub, type, payload }: EventRecord) => ({
      seq,
      sub,
      type,
      data: JSON.parse(payload) as unknown,
    });
    assert.deepEqual(published.map(shape), events.filter((record) => record.seq >= first.seq).map(shape));
  }

  /** Waits for a condition while time passes. */
  until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs?: number): Promise<void> {
    return this.time.until(what, condition, timeoutMs);
  }

  /** Waits for a promise while time passes. */
  async settles(what: string, promise: Promise<unknown>): Promise<void> {
    let isSettled = false;
    const settled = promise.finally(() => (isSettled = true));
    await Promise.all([settled, this.until(what, () => isSettled)]);
  }

  async close(): Promise<void> {
    // The next test's engines would find what this one leaves open in a store that they share.
    if (this.#engines.length > 0) {
      const last = this.gateway();
      for (const runId of this.#runs) await this.cancel(runId);
      for (const runId of this.#runs) {
        await this.until("a run that the test left open ends", async () => {
          const status = await this.status(runId);
          // A run of a deleted thread is gone.
          return status === undefined || isTerminalStatus(status);
        });
      }
      await this.settles("the engine stops", last.engine.stop({ drainMs: 0 }));
    }
    for (const { fleet } of this.#engines) fleet.isAway = false;
    const stopped = this.#engines.map(({ engine }) => engine.stop({ drainMs: 0 }));
    await this.settles("the engines stop", Promise.all(stopped));
    const errors = this.#engines.flatMap(({ log }) => log.errors);
    assert.deepEqual(errors, []);
    assert.deepEqual(this.#busLog.errors, []);
    await this.bell.close();
    await this.liveLog.close();
  }
}

function listOf<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}
