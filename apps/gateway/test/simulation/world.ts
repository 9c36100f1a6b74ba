import { type JsonObject, START } from "@hsafa/protocol";
import { createMemoryStore, type MemoryStore } from "../store/memory-store.ts";
import type { Principal } from "../../src/access/principal.ts";
import type { LiveLog } from "../../src/ports/live-log.ts";
import type { Store } from "../../src/ports/store.ts";
import { AGENT_NAME, agentOf, TENANT_NAME } from "./agent.ts";
import { check } from "./checker.ts";
import { Clients } from "./client.ts";
import { Crowd } from "./crowd.ts";
import { SimulatedDevice } from "./device.ts";
import { type Fault, Faults } from "./faults.ts";
import { type SimulatedGateway, startGateway } from "./gateway.ts";
import { LostLeases } from "./lost-leases.ts";
import { Machine, storeClock } from "./machine.ts";
import { observeStore } from "./observed-store.ts";
import type { Plant } from "./plants.ts";
import { withPoison } from "./poison.ts";
import { Random } from "./random.ts";
import { Recorder } from "./recorder.ts";
import { linkBell, linkLiveLog, SimulatedRedis } from "./redis.ts";
import { Scheduler } from "./scheduler.ts";
import type { Provider } from "./scripted-model.ts";
import { plantsOf } from "./link-plants.ts";
import { linkStore, type StoreWeather } from "./store-link.ts";
import { type Traits, traitsOf } from "./traits.ts";
import { SimulatedWatcher } from "./watcher.ts";

/** How long a world may take to come to rest once its faults have stopped, in virtual ms. */
const REST_MAX_MS = 240_000;

/** After how long a gateway is started again that could not be, in virtual ms. */
const RESTART_MS = 200;

/** How long a device works on a call that may take as long as it likes, about: long enough to lose it. */
const PATIENT_WORK_MS = 2000;

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
  /** Pages that watchers read by themselves, since what came next was gone from their gateway's memory. */
  readonly laggingReads: number;
  /** Reads of an inbox in which more waited than one read gives. */
  readonly longInboxes: number;
  /** Accepted results that waited beside a cancel, or beside the news that their call was lost. */
  readonly contestedResults: number;
  /** Calls of which a run was told that their device has lost them. */
  readonly lostCalls: number;
  /** Gateways that died of a run that they took up. */
  readonly poisonings: number;
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
  readonly lostLeases: LostLeases;
  /** The database itself, for what happens to its connections. */
  readonly database: MemoryStore;
  readonly #store: Store;
  readonly #plant: Plant | null;
  readonly #provider: Provider;
  readonly #liveLogs = new Map<Machine, LiveLog>();
  readonly #traits: Traits;
  readonly #traitRandom: Random;
  #principal: Principal | null = null;
  #crowd: Crowd | null = null;
  #machineCount = 0;

  constructor(seed: number, plant: Plant | null, traits: Partial<Traits> | undefined) {
    this.random = new Random(seed);
    ({ traits: this.#traits, random: this.#traitRandom } = traitsOf(seed, traits));
    this.#plant = plant;
    this.#provider = { seed, failed: new Map() };
    const clock = storeClock(this.scheduler, this.random.fork());
    this.database = createMemoryStore({ clock });
    this.#store = observeStore(this.database, this.recorder, plant);
    this.redis = new SimulatedRedis(this.scheduler, this.random.fork(), this.recorder, plant);
    this.redis.recordsMax = this.random.pick([8, 100, 4096]);
    this.weather = { isDown: false, unknownShare: 0, typicalMs: 1, cutOff: new Set() };
    this.leaseDurationMs = this.random.pick([1500, 1500, 3000]);
    this.lostLeases = new LostLeases(this.scheduler, this.leaseDurationMs);
    this.recorder.causeOfLoss = (gatewayId) => this.lostLeases.causeOf(gatewayId);
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
    // A gateway that cannot reach its database does not start: whoever runs it tries again.
    if (this.weather.isDown) return void this.scheduler.after(RESTART_MS, "mend", () => this.addGateway());
    const machine = new Machine(`g${(this.#machineCount += 1)}`, this.scheduler, this.random.fork());
    const liveLog = linkLiveLog(machine, this.redis);
    this.#liveLogs.set(machine, liveLog);
    const plants = plantsOf(this.#plant, (on) => this.#liveLogs.get(on) ?? liveLog);
    const store = linkStore(machine, this.#store, this.weather, plants, this.leaseDurationMs);
    const gateway = startGateway({
      machine,
      principal: this.principal,
      store: this.#traits.isPoisoned ? withPoison(store, (runId) => this.#diesOf(runId, machine)) : store,
      liveLog,
      bell: linkBell(machine, this.redis),
      provider: this.#provider,
      recorder: this.recorder,
      leaseDurationMs: this.leaseDurationMs,
      ringBounds: this.#traits.ringBounds,
      plant: this.#plant,
    });
    this.machines.set(machine, gateway);
    machine.onDeath(() => {
      this.machines.delete(machine);
      this.lostLeases.died(gateway.gatewayId);
      // Now and then something in between keeps the connection open, so that only the leases tell.
      if (this.random.chance(0.2)) return;
      this.scheduler.after(this.random.delayMs(2), "lifeline", () => this.database.cutLifeline(gateway.gatewayId));
    });
  }

  /** At once, or when it begins to do something with the run. */
  #diesOf(runId: string, machine: Machine): void {
    const gateway = this.machines.get(machine);
    if (gateway === undefined) return;
    this.recorder.history(runId).isPoison = true;
    this.recorder.counts.poisonings += 1;
    const random = this.#traitRandom;
    machine.onDeath(() => {
      this.lostLeases.poisoned(gateway.gatewayId);
      this.scheduler.after(random.between(20, 3000), "mend", () => this.addGateway());
    });
    machine.killAfter(random.pick([0, 0, 2]));
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
    const { isPatient, isHasty } = this.#traits;
    const config = agentOf({ isPatient }) as unknown as JsonObject;
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
      workMs: Math.max(random.pick([20, 300, 3000]), isPatient ? PATIENT_WORK_MS : 0),
      neverShare: random.pick([0, 0, 0.1]) * (isPatient ? 0 : 1),
      twiceShare: random.pick([0, 0.3]),
      lastWordsShare: isHasty ? 0.7 : 0.3,
      bootMs: isHasty ? 5 : 300,
    };
    for (let index = random.whole(1, 3) - 1; index >= 0; index--) {
      const key = `device-${index}`;
      this.devices.push(new SimulatedDevice({ key, scheduler, random: random.fork(), recorder, habits, pickGateway }));
    }
    const clients = new Clients({ scheduler, random: random.fork(), recorder, principal: this.principal, pickGateway });
    const watch = (runId: string): void => this.#watch(runId);
    const [traits, traitRandom] = [this.#traits, this.#traitRandom];
    const crowd = new Crowd({ scheduler, random, recorder, clients, watch, traits, traitRandom });
    recorder.onFact = (runId, fact) => crowd.hearFact(runId, fact);
    recorder.onInput = (runId, input) => crowd.hearInput(runId, input);
    crowd.begin(random.whole(1, 5));
    this.#crowd = crowd;
  }

  /** From the beginning, or from a position that another watcher has seen. */
  #watch(runId: string): void {
    const { random, scheduler, recorder, pickGateway } = this;
    const seen = this.watchers.filter((watcher) => watcher.runId === runId).flatMap((watcher) => watcher.events);
    const { seq, sub } = seen.length > 0 && random.chance(0.5) ? random.pick(seen) : START;
    const { tenantId } = this.principal;
    const after = { seq, sub };
    const isSlow = this.#traits.slowShare > 0 && this.#traitRandom.chance(this.#traits.slowShare);
    this.watchers.push(
      new SimulatedWatcher({ runId, tenantId, after, isSlow, scheduler, random: random.fork(), recorder, pickGateway }),
    );
  }

  get isAtRest(): boolean {
    if (this.#crowd?.isBusy !== false || this.watchers.some((watcher) => !watcher.isDone)) return false;
    return [...this.recorder.runs.values()].every((run) => run.hasEnded);
  }

  async checkAll(): Promise<void> {
    const tenant = this.#store.forTenant(this.principal.tenantId);
    await check({ recorder: this.recorder, store: this.#store.fleet, tenant, watchers: this.watchers });
  }
}

/** Plays one seed from the first moment to rest, and checks everything. */
export async function playSeed(
  seed: number,
  options: {
    readonly plant?: Plant;
    readonly faults?: readonly Fault[];
    readonly traits?: Partial<Traits>;
    readonly onTrace?: (line: string) => void;
  } = {},
): Promise<Outcome> {
  const world = new World(seed, options.plant ?? null, options.traits);
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
  if (!isBroken()) await world.checkAll();
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
    laggingReads: recorder.counts.laggingReads,
    longInboxes: recorder.counts.longInboxes,
    contestedResults: recorder.counts.contestedResults,
    lostCalls: recorder.counts.lostCalls,
    poisonings: recorder.counts.poisonings,
  };
}
