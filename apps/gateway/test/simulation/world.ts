import { type JsonObject, START } from "@hsafa/protocol";
import { createMemoryStore, type MemoryStore } from "../../src/adapters/memory/store.ts";
import type { Principal } from "../../src/control/principal.ts";
import type { EventRecord } from "../../src/core/event-record.ts";
import type { LiveLog } from "../../src/ports/live-log.ts";
import type { Store } from "../../src/ports/store.ts";
import { AGENT, AGENT_NAME, isRepeatableTool, TENANT_NAME } from "./agent.ts";
import { check } from "./checker.ts";
import { Clients } from "./client.ts";
import { SimulatedDevice } from "./device.ts";
import { type Fault, Faults } from "./faults.ts";
import { type SimulatedGateway, startGateway } from "./gateway.ts";
import { Machine, storeClock } from "./machine.ts";
import { observeStore } from "./observed-store.ts";
import type { Plant } from "./plants.ts";
import { Random } from "./random.ts";
import { dataOf, Recorder } from "./recorder.ts";
import { linkBell, linkLiveLog, SimulatedRedis } from "./redis.ts";
import { Scheduler } from "./scheduler.ts";
import type { Provider } from "./scripted-model.ts";
import { linkStore, plantsOf, type StoreWeather } from "./store-link.ts";
import { SimulatedWatcher } from "./watcher.ts";

/** How long a world may take to come to rest once its faults have stopped, in virtual ms. */
const REST_MAX_MS = 240_000;

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Of everything that happened, in order. */
  readonly hash: string;
  readonly steps: number;
  readonly virtualMs: number;
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
  readonly runs: number;
  readonly facts: number;
  readonly recoveries: number;
  /** Freezes of gateways that held a run. */
  readonly frozenHolders: number;
  /** Commits of holders of old, and records below the top of the live log: each was refused, or the seed has failed. */
  readonly staleWritesRefused: number;
}

/** A world of gateways, devices, watchers and clients, all of whose chances and faults are decided by one seed. */
export class World {
  readonly scheduler = new Scheduler();
  readonly recorder = new Recorder();
  readonly random: Random;
  readonly redis: SimulatedRedis;
  readonly weather: StoreWeather;
  readonly machines = new Map<Machine, SimulatedGateway>();
  readonly devices: SimulatedDevice[] = [];
  readonly watchers: SimulatedWatcher[] = [];
  readonly leaseDurationMs: number;
  /** The database itself, for what happens to its connections. */
  readonly database: MemoryStore;
  readonly #store: Store;
  readonly #plant: Plant | null;
  readonly #provider: Provider;
  readonly #liveLogs = new Map<Machine, LiveLog>();
  #principal: Principal | null = null;
  #machineCount = 0;
  /** What clients have yet to begin, or to get an answer to. */
  #clientsBusy = 0;

  constructor(seed: number, plant: Plant | null) {
    this.random = new Random(seed);
    this.#plant = plant;
    this.#provider = { seed, failed: new Map() };
    const clock = storeClock(this.scheduler, this.random.fork());
    this.database = createMemoryStore({ clock });
    this.#store = observeStore(this.database, this.recorder, plant);
    this.redis = new SimulatedRedis(this.scheduler, this.random.fork(), this.recorder, plant);
    this.redis.recordsMax = this.random.pick([8, 100, 4096]);
    this.weather = { isDown: false, unknownShare: 0, typicalMs: 1, cutOff: new Set() };
    this.leaseDurationMs = this.random.pick([1500, 1500, 3000]);
  }

  get principal(): Principal {
    if (this.#principal === null) throw new Error("the world is not set up");
    return this.#principal;
  }

  /** A gateway that takes requests, as a load balancer would pick it. */
  readonly pickGateway = (): SimulatedGateway | null => {
    const open = [...this.machines].filter(([machine]) => !machine.isDead);
    const [, gateway] = open.length === 0 ? [] : this.random.pick(open);
    return gateway ?? null;
  };

  addGateway(): void {
    const machine = new Machine(`g${(this.#machineCount += 1)}`, this.scheduler, this.random.fork());
    const liveLog = linkLiveLog(machine, this.redis);
    this.#liveLogs.set(machine, liveLog);
    const plants = plantsOf(this.#plant, (on) => this.#liveLogs.get(on) ?? liveLog);
    const gateway = startGateway({
      machine,
      principal: this.principal,
      store: linkStore(machine, this.#store, this.weather, plants),
      liveLog,
      bell: linkBell(machine, this.redis),
      provider: this.#provider,
      recorder: this.recorder,
      leaseDurationMs: this.leaseDurationMs,
    });
    this.machines.set(machine, gateway);
    machine.onDeath(() => {
      this.machines.delete(machine);
      // Now and then something in between keeps the connection open, so that only the leases tell.
      if (this.random.chance(0.2)) return;
      this.scheduler.after(this.random.delayMs(2), "lifeline", () => this.database.cutLifeline(gateway.gatewayId));
    });
  }

  async setUp(): Promise<void> {
    const { random, scheduler, recorder, pickGateway } = this;
    const store = this.#store;
    const owner = await store.fleet.ensureApiKey({
      tenantName: TENANT_NAME,
      name: "key",
      keyHash: "hash",
      scopes: ["admin"],
    });
    const { tenantId } = owner;
    this.#principal = { kind: "api_key", tenantId, name: "key", scopes: ["admin"] };
    const config = AGENT as unknown as JsonObject;
    await store.forTenant(tenantId).pushAgent({
      name: AGENT_NAME,
      description: null,
      version: null,
      config,
      configHash: "hash",
      promote: true,
    });
    for (let count = random.whole(1, 3); count > 0; count--) this.addGateway();
    const habits = {
      workMs: random.pick([20, 300, 3000]),
      neverShare: random.pick([0, 0, 0.1]),
      twiceShare: random.pick([0, 0.3]),
    };
    for (let index = random.whole(1, 3) - 1; index >= 0; index--) {
      const key = `device-${index}`;
      this.devices.push(new SimulatedDevice({ key, scheduler, random: random.fork(), recorder, habits, pickGateway }));
    }
    const clients = new Clients({ scheduler, random: random.fork(), recorder, principal: this.principal, pickGateway });
    this.recorder.onFact = (runId, fact) => this.#react(clients, runId, fact);
    const runs = random.whole(1, 5);
    for (let plan = 1; plan <= runs; plan++) this.#later(random.between(0, 6000), () => this.#play(clients, plan));
  }

  /** One run with whoever watches it, talks to it and gives it up. */
  async #play(clients: Clients, plan: number): Promise<void> {
    const { random } = this;
    const threadId = random.chance(0.4) ? `thread-${random.whole(1, 2)}` : undefined;
    const runId = await clients.start({ plan, threadId, deviceKey: `device-${random.whole(0, 2)}` });
    for (let count = random.whole(1, 3); count > 0; count--) {
      this.#later(random.chance(0.6) ? 0 : random.between(0, 8000), () => this.#watch(runId));
    }
    for (let count = random.chance(0.3) ? random.whole(1, 3) : 0; count > 0; count--) {
      this.#later(random.between(0, 4000), () => clients.say(runId, `word ${count} to ${plan}`));
    }
    if (random.chance(0.12)) this.#later(random.between(0, 6000), () => clients.cancel(runId));
  }

  #later(delayMs: number, act: () => Promise<void> | void): void {
    this.#clientsBusy += 1;
    this.scheduler.after(delayMs, "a client", () => {
      Promise.resolve(act()).then(
        () => void (this.#clientsBusy -= 1),
        (error: unknown) => this.recorder.fail("bug", String(error)),
      );
    });
  }

  /** From the beginning, or from a position that another watcher has seen. */
  #watch(runId: string): void {
    const { random, scheduler, recorder, pickGateway } = this;
    const seen = this.watchers.filter((watcher) => watcher.runId === runId).flatMap((watcher) => watcher.events);
    const { seq, sub } = seen.length > 0 && random.chance(0.5) ? random.pick(seen) : START;
    const { tenantId } = this.principal;
    const after = { seq, sub };
    this.watchers.push(
      new SimulatedWatcher({ runId, tenantId, after, scheduler, random: random.fork(), recorder, pickGateway }),
    );
  }

  /** People and programs outside do what calls ask of them, and now and then what races with the run's own progress. */
  #react(clients: Clients, runId: string, fact: EventRecord): void {
    const { random } = this;
    if (fact.type === "step.completed" || fact.type === "tool.completed") {
      if (random.chance(0.05)) this.#later(random.delayMs(2), () => clients.say(runId, `word after ${fact.seq}`));
      if (random.chance(0.01)) this.#later(random.delayMs(2), () => clients.cancel(runId));
    }
    if (fact.type === "tool.requested") {
      const { callId, toolName } = dataOf(fact) as { callId: string; toolName: string };
      if (!isRepeatableTool(toolName)) this.recorder.unrepeatable.add(callId);
    }
    if (fact.type === "tool.awaiting_approval") {
      const { callId } = dataOf(fact) as { callId: string };
      this.#later(random.delayMs(300), () => clients.decide(runId, callId));
    }
    if (fact.type !== "tool.dispatched") return;
    const { callId, attempt, deadline } = dataOf(fact) as { callId: string; attempt: number; deadline: string | null };
    const requested = this.recorder
      .history(runId)
      .facts.find((other) => other.type === "tool.requested" && dataOf(other)["callId"] === callId);
    const target = requested === undefined ? null : dataOf(requested)["target"];
    if (target !== "external" && !(target === "device" && random.chance(0.05))) return;
    const timeoutMs = deadline === null ? null : Date.parse(deadline) - fact.ts;
    // Some answer at the very moment of the deadline.
    const delayMs =
      timeoutMs !== null && random.chance(0.3) ? timeoutMs + random.between(-20, 20) : random.delayMs(400);
    this.#later(delayMs, () => clients.answer(runId, callId, `answer ${attempt} to ${callId}`));
    if (random.chance(0.2)) this.#later(random.delayMs(400), () => clients.answer(runId, callId, `other to ${callId}`));
  }

  get isAtRest(): boolean {
    if (this.#clientsBusy > 0 || this.watchers.some((watcher) => !watcher.isDone)) return false;
    return [...this.recorder.runs.values()].every((run) => run.hasEnded);
  }

  async checkAll(losses: number): Promise<void> {
    const tenant = this.#store.forTenant(this.principal.tenantId);
    await check({ recorder: this.recorder, store: this.#store.fleet, tenant, watchers: this.watchers, losses });
  }
}

/** Plays one seed from the first moment to rest, and checks everything. */
export async function playSeed(
  seed: number,
  options: {
    readonly plant?: Plant;
    readonly faults?: readonly Fault[];
    readonly onTrace?: (line: string) => void;
  } = {},
): Promise<Outcome> {
  const world = new World(seed, options.plant ?? null);
  const { scheduler, recorder } = world;
  scheduler.onTrace = options.onTrace ?? null;
  await world.setUp();
  const faults = new Faults(world, options.faults);
  const activeMs = faults.begin();
  const isBroken = (): boolean => recorder.violations.length > 0;
  await scheduler.runUntil(activeMs, isBroken);
  faults.heal();
  await scheduler.runUntil(activeMs + REST_MAX_MS, () => world.isAtRest || isBroken());
  // Whatever is still on its way may come, and must change nothing.
  await scheduler.runUntil(scheduler.time + 2000, isBroken);
  if (!isBroken()) await world.checkAll(faults.losses);
  const histories = [...recorder.runs.values()];
  return {
    seed,
    violations: recorder.violations,
    hash: scheduler.hash,
    steps: scheduler.steps,
    virtualMs: scheduler.time,
    faults: faults.counts,
    runs: histories.length,
    facts: histories.reduce((sum, { facts }) => sum + facts.length, 0),
    recoveries: recorder.counts.recoveries,
    frozenHolders: faults.frozenHolders,
    staleWritesRefused: recorder.counts.fenced + recorder.counts.refusedAppends,
  };
}
