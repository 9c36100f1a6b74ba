import type { AgentConfigInput, JsonObject } from "@hsafa/protocol";
import { START } from "@hsafa/protocol";
import { GATEWAY_TIMEOUT_MS } from "../../src/ports/limits.ts";
import { apiKeyHash } from "../../src/access/api-key.ts";
import type { LiveLog } from "../../src/ports/live-log.ts";
import type { Model } from "../../src/ports/model.ts";
import type { Store } from "../../src/ports/store.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import { createMemoryStore, type MemoryStore } from "../store/memory-store.ts";
import { agentOf, API_KEY, TENANT_NAME } from "./agent.ts";
import { check } from "./checker.ts";
import { checkChildren, checkTree, familyOf } from "./children-of-runs.ts";
import { Clients } from "./client.ts";
import { Conversations } from "./conversations.ts";
import { Forks } from "./forks.ts";
import { MUCH_ROOM } from "./shared-files.ts";
import { HOARD_KEY, openUploads, type Uploads } from "./uploads.ts";
import { Crowd } from "./crowd.ts";
import { type DeviceHabits, SimulatedDevice } from "./device.ts";
import { devicePlantsOf } from "./device-plants.ts";
import { observeFollowing } from "./follow-observed.ts";
import { checkLimits, FREE, PRICES } from "./limited-runs.ts";
import { plantsOf } from "./link-plants.ts";
import { LostLeases } from "./lost-leases.ts";
import { EPOCH_MS, Machine, storeClock } from "./machine.ts";
import { observeStore } from "./observed-store.ts";
import type { Plant } from "./plants.ts";
import { withPoison } from "./poison.ts";
import { Random } from "./random.ts";
import { Recorder } from "./recorder.ts";
import type { RunHistory } from "./run-history.ts";
import { openRunStream } from "./run-stream.ts";
import { linkBell, linkLiveLog, SimulatedRedis } from "./redis.ts";
import { Scheduler } from "./scheduler.ts";
import type { Provider } from "./scripted-model.ts";
import { checkSearches, searchingModel } from "./searching-runs.ts";
import { besiege, SIEGE_AGENT, SIEGE_KEY, SIEGE_PLACES, SIEGE_TENANT } from "./siege.ts";
import { besiegedModel } from "./siege-model.ts";
import { SimulatedGateway } from "./simulated-gateway.ts";
import { type StallStep, stallingRun } from "./stalling-run.ts";
import { checkSleeps, wakesLateAt } from "./sleeping-runs.ts";
import { linkStore, type StoreWeather } from "./store-link.ts";
import { checkObjects, outputSchemas } from "./structured-runs.ts";
import { type Traits, traitsOf } from "./traits.ts";
import { TurnWaits } from "./turn-waits.ts";
import { WatchClient } from "./watch-client.ts";
import { plantedWatchTransport } from "./watch-plants.ts";
import { type OpenStream, SimulatedWatcher } from "./watcher.ts";
import { asTenantId, type TenantId } from "../../src/core/tenant-id.ts";
import { acceptingSchemas } from "../support/accepting-schemas.ts";
import { AN_ACTOR } from "../support/an-actor.ts";

/** How long a device works on a call that may take as long as it likes, about: long enough to lose it. */
const PATIENT_WORK_MS = 2000;

/** For how much longer than its sleepers no gateway lives, at the most, in virtual ms. */
const OVERSLEPT_MS_MAX = 10_000_000;

/** In how much virtual time a gateway has swept a few times. */
const SWEEPS_MS = 20_000;

/** The share of watchers that follow their run on a watch socket. */
const WATCH_SOCKET_SHARE = 0.4;

/** Whether this run of a thread, or one before it, has not ended. */
function hasOpen(run: RunHistory | null): boolean {
  for (let one = run; one !== null; one = one.before) if (!one.hasEnded) return true;
  return false;
}

/** A world of gateways, devices, watchers and clients. One seed decides all its chances and faults. */
export class World {
  readonly scheduler = new Scheduler();
  readonly recorder = new Recorder();
  readonly random: Random;
  readonly redis: SimulatedRedis;
  readonly weather: StoreWeather;
  /** Those whose machines live, in the order in which they began. */
  readonly gateways = new Set<SimulatedGateway>();
  readonly devices: SimulatedDevice[] = [];
  readonly watchers: SimulatedWatcher[] = [];
  readonly watchClients: WatchClient[] = [];
  readonly leaseDurationMs: number;
  readonly lostLeases: LostLeases;
  readonly traits: Traits;
  /** The database itself, for what happens to its connections. */
  readonly database: MemoryStore;
  /** For what the traits bring. */
  readonly traitRandom: Random;
  readonly #store: Store;
  readonly #plant: Plant | null;
  readonly #provider: Provider;
  readonly #liveLogs = new Map<Machine, LiveLog>();
  /** In a world that is besieged: how long the other tenant's runs wait. */
  turnWaits: TurnWaits | null = null;
  /** When all faults were over, in virtual ms; 0: there were none. */
  healedAt = 0;
  #tenantId = asTenantId("");
  #crowd: Crowd | null = null;
  #conversations: Conversations | null = null;
  #forks: Forks | null = null;
  #uploads: Uploads | null = null;
  #machineCount = 0;

  constructor(seed: number, plant: Plant | null, traits: Partial<Traits> | undefined) {
    this.random = new Random(seed);
    ({ traits: this.traits, random: this.traitRandom } = traitsOf(seed, traits));
    this.#plant = plant;
    this.#provider = {
      seed,
      failed: new Map(),
      isStructured: this.traits.isStructured,
      isSleepy: this.traits.isSleepy,
      isDelegating: this.traits.isDelegating,
    };
    const clock = storeClock(this.scheduler, this.random.fork());
    this.database = createMemoryStore({ clock });
    this.#store = observeStore(this.database, this.recorder, plant);
    this.redis = new SimulatedRedis(this.scheduler, this.random.fork(), this.recorder, plant);
    this.redis.recordsMax = this.random.pick([8, 100, 4096]);
    this.weather = { isDown: false, unknownShare: 0, typicalMs: 1, cutOff: new Set() };
    this.leaseDurationMs = this.random.pick([1500, 1500, 3000]);
    this.lostLeases = new LostLeases(this.scheduler, this.leaseDurationMs);
    this.recorder.causeOfLoss = (gatewayId) => this.lostLeases.causeOf(gatewayId);
    this.recorder.hasDied = (gatewayId) => this.lostLeases.hasDied(gatewayId);
  }

  /** The tenant's store as no gateway reaches it: at once, and always. */
  get tenant(): TenantStore {
    return this.#store.forTenant(this.#tenantId);
  }

  /** A gateway that clients can reach, as a load balancer would pick it. */
  readonly pickGateway = (): SimulatedGateway | null => {
    const serving = [...this.gateways].filter((gateway) => gateway.isServing);
    return serving.length === 0 ? null : this.random.pick(serving);
  };

  async setUp(): Promise<void> {
    this.#tenantId = await this.#addTenant(TENANT_NAME, API_KEY, agentOf(this.traits));
    if (this.traits.isBeset) await this.#addTenant(SIEGE_TENANT, SIEGE_KEY, SIEGE_AGENT);
    for (let count = this.random.whole(1, 3); count > 0; count--) this.addGateway();
    this.#addDevices();
    this.#addCrowd();
    if (this.traits.isBeset) this.#addSiege();
    if (this.traits.isUploading) await this.#addUploads();
  }

  async #addTenant(tenantName: string, apiKey: string, agent: AgentConfigInput): Promise<TenantId> {
    const tenantId = await this.#addKey(tenantName, apiKey);
    for (const config of this.traits.isDelegating ? familyOf(agent) : [agent]) {
      await this.#store.forTenant(tenantId).pushAgent({
        by: AN_ACTOR,
        name: config.name,
        description: null,
        version: null,
        config: config as unknown as JsonObject,
        configHash: "hash",
        promote: true,
      });
    }
    return tenantId;
  }

  async #addKey(tenantName: string, apiKey: string): Promise<TenantId> {
    const key = { tenantName, name: "key", keyHash: apiKeyHash(apiKey), scopes: ["admin" as const] };
    return (await this.#store.fleet.ensureApiKey(key)).tenantId;
  }

  #addSiege(): void {
    const { scheduler, recorder, pickGateway, traits, database, leaseDurationMs } = this;
    const random = this.traitRandom.fork();
    const clients = new Clients({ apiKey: SIEGE_KEY, scheduler, random, recorder, pickGateway });
    besiege({ scheduler, random, recorder, clients, gateways: this.gateways.size });
    // A run that kills its gateways keeps all others waiting.
    if (traits.isPoisoned) return;
    const tenantId = this.#tenantId;
    this.turnWaits = new TurnWaits({ scheduler, recorder, database, tenantId, leaseDurationMs });
    this.turnWaits.begin();
  }

  addGateway(): void {
    const machine = new Machine(`g${(this.#machineCount += 1)}`, this.scheduler, this.random.fork());
    const liveLog = linkLiveLog(machine, this.redis);
    this.#liveLogs.set(machine, liveLog);
    const plants = plantsOf(this.#plant, (on) => this.#liveLogs.get(on) ?? liveLog);
    const linked = linkStore(machine, this.#store, this.weather, plants, this.leaseDurationMs);
    const store = this.traits.isPoisoned ? withPoison(linked, (runId) => this.#dieOf(runId, gateway)) : linked;
    const gateway = new SimulatedGateway({
      machine,
      ...observeFollowing({ store, liveLog, recorder: this.recorder, plant: this.#plant }),
      bell: linkBell(machine, this.redis),
      provider: this.#provider,
      recorder: this.recorder,
      leaseDurationMs: this.leaseDurationMs,
      ringBounds: this.traits.ringBounds,
      plants: devicePlantsOf(this.#plant),
      prices: this.traits.isLimited ? (this.#plant === "count_no_cost" ? FREE : PRICES) : new Map(),
      quotas: this.traits.isUploading ? MUCH_ROOM : null,
      runsHeldMax: this.traits.isBeset ? SIEGE_PLACES : null,
      modelOf: (model) => this.#modelOf(machine, this.#searching(machine, model), () => gateway.gatewayId),
      schemas: this.#plant === "take_unfit_answers" ? acceptingSchemas : outputSchemas,
      stall: this.traits.isStalling ? this.#stallingRun(() => gateway.gatewayId) : null,
      watchPlant: (transport) => plantedWatchTransport(this.#plant, transport),
    });
    this.gateways.add(gateway);
    machine.onDeath(() => this.#buried(gateway));
    gateway.start();
  }

  #buried(gateway: SimulatedGateway): void {
    const { gatewayId } = gateway;
    this.gateways.delete(gateway);
    this.lostLeases.died(gatewayId);
    // Now and then something in between keeps the connection open, so that only the leases tell.
    if (this.random.chance(0.2)) return;
    this.scheduler.after(this.random.delayMs(2), "lifeline", () => this.database.cutLifeline(gatewayId));
  }

  #stallingRun(gatewayIdOf: () => string): StallStep {
    return stallingRun({
      random: this.traitRandom,
      leaseDurationMs: this.leaseDurationMs,
      onStall: (text, ms) => this.#stalls(gatewayIdOf(), text, ms),
    });
  }

  #searching(machine: Machine, model: Model): Model {
    if (!this.traits.isSearching) return model;
    return searchingModel(model, this.#provider.seed, () => machine.clock.newId(), this.#plant);
  }

  #modelOf(machine: Machine, model: Model, gatewayIdOf: () => string): Model {
    if (!this.traits.isBeset) return model;
    return besiegedModel(machine, model, async (text) => {
      const ms = this.leaseDurationMs * this.traitRandom.between(0.5, 3);
      this.#stalls(gatewayIdOf(), text, ms);
      await machine.burn(ms);
    });
  }

  /** The step of the run with this message keeps the event loop of the gateway. */
  #stalls(gatewayId: string, text: string, ms: number): void {
    this.recorder.counts.stalls += 1;
    this.recorder.stallers.add(text);
    this.lostLeases.stalled(gatewayId, ms);
    this.turnWaits?.stalled(ms);
  }

  /** At once, or when it begins to do something with the run. */
  #dieOf(runId: string, { machine, gatewayId }: SimulatedGateway): void {
    if (machine.isDead) return;
    this.recorder.history(runId).isPoison = true;
    this.recorder.counts.poisonings += 1;
    machine.onDeath(() => {
      this.lostLeases.poisoned(gatewayId);
      this.scheduler.after(this.traitRandom.between(20, 3000), "mend", () => this.addGateway());
    });
    machine.killAfter(this.traitRandom.pick([0, 0, 2]));
  }

  #addDevices(): void {
    const { random, scheduler, recorder, pickGateway } = this;
    const { isPatient, isHasty } = this.traits;
    const habits: DeviceHabits = {
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
  }

  #addCrowd(): void {
    const { random, scheduler, recorder, pickGateway, traits, traitRandom } = this;
    const clients = new Clients({ apiKey: API_KEY, scheduler, random: random.fork(), recorder, pickGateway });
    const watch = (runId: string): void => this.#watch(runId);
    const crowd = new Crowd({ scheduler, random, recorder, clients, watch, traits, traitRandom });
    const isOurs = (runId: string): boolean => recorder.history(runId).tenantId === this.#tenantId;
    recorder.onFact = (runId, fact) => isOurs(runId) && crowd.hearFact(runId, fact);
    recorder.onInput = (runId, input) => isOurs(runId) && crowd.hearInput(runId, input);
    crowd.begin(random.whole(1, 5));
    this.#crowd = crowd;
    if (traits.isTalkative) this.#addConversations();
    if (traits.isForking) this.#addForks();
  }

  #addConversations(): void {
    const { scheduler, recorder, pickGateway, traitRandom } = this;
    const random = traitRandom.fork();
    const clients = new Clients({ apiKey: API_KEY, scheduler, random: random.fork(), recorder, pickGateway });
    const watch = (runId: string): void => this.#watch(runId);
    this.#conversations = new Conversations({ scheduler, random, recorder, clients, watch });
    this.#conversations.begin();
  }

  #addForks(): void {
    const { scheduler, recorder, pickGateway, traitRandom } = this;
    const random = traitRandom.fork();
    const clients = new Clients({ apiKey: API_KEY, scheduler, random: random.fork(), recorder, pickGateway });
    const watch = (runId: string): void => this.#watch(runId);
    const { isPoisoned } = this.traits;
    const tenantId = this.#tenantId;
    this.#forks = new Forks({ scheduler, random, recorder, clients, tenantId, isPoisoned, watch });
    this.#forks.begin();
  }

  async #addUploads(): Promise<void> {
    const { scheduler, recorder, pickGateway, database } = this;
    const random = this.traitRandom.fork();
    const hoardId = await this.#addKey("hoard", HOARD_KEY);
    const params = { scheduler, random, recorder, pickGateway, database, store: this.#store, hoardId };
    const watch = (runId: string): void => this.#watch(runId);
    this.#uploads = await openUploads({ ...params, tenantId: this.#tenantId, watch });
  }

  /** From the beginning, or from a position that another watcher has seen. */
  #watch(runId: string): void {
    const { random, scheduler, recorder, traits } = this;
    const seen = this.watchers.filter((watcher) => watcher.runId === runId).flatMap((watcher) => watcher.events);
    const { seq, sub } = seen.length > 0 && random.chance(0.5) ? random.pick(seen) : START;
    const isSlow = traits.slowShare > 0 && this.traitRandom.chance(traits.slowShare);
    const open = random.chance(WATCH_SOCKET_SHARE) ? this.#onWatchSocket(runId, isSlow) : this.#onStream(runId, isSlow);
    const after = { seq, sub };
    this.watchers.push(new SimulatedWatcher({ runId, after, open, scheduler, random: random.fork(), recorder }));
  }

  #onStream(runId: string, isSlow: boolean): OpenStream {
    const { scheduler, recorder, pickGateway } = this;
    const random = this.random.fork();
    return (after, events) => {
      const gateway = pickGateway();
      if (gateway === null) return null;
      return openRunStream({ gateway, runId, after, isSlow, scheduler, random, recorder, events });
    };
  }

  /** On the connection of a client that follows other runs too, if there is one. */
  #onWatchSocket(runId: string, isSlow: boolean): OpenStream {
    let client = this.watchClients.find((known) => known.isSlow === isSlow && known.reserve(runId));
    if (client === undefined) {
      const { scheduler, pickGateway } = this;
      const name = `client-${this.watchClients.length}`;
      client = new WatchClient({ name, isSlow, scheduler, random: this.random.fork(), pickGateway });
      client.reserve(runId);
      this.watchClients.push(client);
    }
    const own = client;
    return (after, events) => own.subscribe(runId, after, events);
  }

  get isAtRest(): boolean {
    if (
      this.#crowd?.isBusy !== false ||
      this.#conversations?.isBusy === true ||
      this.#forks?.isBusy === true ||
      this.#uploads?.isBusy === true ||
      this.watchers.some((watcher) => !watcher.isDone)
    )
      return false;
    return [...this.recorder.runs.values()].every((run) => run.hasEnded || run.tenantId !== this.#tenantId);
  }

  /** Checks what must hold once everything has come to rest. */
  async checkAll(): Promise<void> {
    const { recorder, tenant, watchers } = this;
    await check({ recorder, tenantId: this.#tenantId, store: this.#store.fleet, tenant, watchers });
    this.#checkTimes();
    for (const device of this.devices) device.checkAnswered();
  }

  #checkTimes(): void {
    const { recorder, traits, leaseDurationMs } = this;
    // What keeps gateways busy may keep a run waiting for its end, or asleep.
    const isCalm = !traits.isPoisoned && !traits.isStalling && !traits.isBeset;
    const times = { leaseDurationMs, healedAt: isCalm ? this.healedAt : null };
    for (const history of recorder.runs.values()) {
      if (history.tenantId !== this.#tenantId) continue;
      if (traits.isLimited) checkLimits(recorder, history, times);
      if (traits.isStructured) checkObjects(recorder, history);
      if (traits.isLimited) checkTree(recorder, history);
      if (traits.isDelegating) checkChildren(recorder, history, times);
      if (traits.isSearching) checkSearches(recorder, history);
      if (traits.isSleepy) checkSleeps(recorder, history, times);
    }
  }

  /** Whether nothing more happens before a run wakes from a long sleep. */
  get isAsleep(): boolean {
    return (
      this.#crowd?.isBusy === false &&
      this.#forks?.isBusy !== true &&
      this.#uploads?.isBusy !== true &&
      this.sleepsLongUntil !== null
    );
  }

  /** When the first run wakes, in virtual ms, if nothing but long sleeps keeps runs from their end; null: else. */
  get sleepsLongUntil(): number | null {
    if (!this.traits.isSleepy) return null;
    // A run of a deleted thread is gone after the year.
    if (this.watchers.some(({ isDone, runId }) => !isDone && this.recorder.history(runId).hasEnded)) return null;
    const now = EPOCH_MS + this.scheduler.time;
    const wakes: number[] = [];
    for (const history of this.recorder.runs.values()) {
      const { tenantId, hasEnded, before, facts } = history;
      if (hasEnded || tenantId !== this.#tenantId) continue;
      const isQueued = hasOpen(before) && !facts.some(({ type }) => type === "run.started");
      const wakesAt = wakesLateAt(history, now);
      if (wakesAt !== null) wakes.push(wakesAt - EPOCH_MS);
      else if (!isQueued) return null;
    }
    return wakes.length === 0 ? null : Math.min(...wakes);
  }

  /** Every gateway dies, time goes by until the first run should wake and a while longer, and a new gateway starts. */
  async hibernate(): Promise<void> {
    const { scheduler, recorder } = this;
    // What waits for a turn now waits for a gateway.
    this.turnWaits?.faultsBegin();
    await this.#endGateways();
    const until = this.sleepsLongUntil;
    if (until !== null) scheduler.skip(until - scheduler.time + this.traitRandom.whole(0, OVERSLEPT_MS_MAX));
    recorder.counts.years += 1;
    this.healedAt = scheduler.time;
    this.addGateway();
  }

  async #endGateways(): Promise<void> {
    const { scheduler, gateways } = this;
    // What the deaths bring about is over then: also that another gateway takes the place of one that died of a run.
    do {
      for (const { machine } of gateways) machine.kill();
      await scheduler.runUntil(scheduler.time + 2 * GATEWAY_TIMEOUT_MS, () => false);
    } while (gateways.size > 0);
  }

  /** No gateway lives for so long, in virtual ms. Then one does, until it has swept a few times. */
  async outlast(ms: number): Promise<void> {
    const { scheduler } = this;
    await this.#endGateways();
    scheduler.skip(ms);
    this.addGateway();
    await scheduler.runUntil(scheduler.time + SWEEPS_MS, () => false);
  }

  /** Checks the files, if there are any. `isLongAfter`: whether a day has gone by since they were used. */
  async checkFiles(params: { readonly isLongAfter: boolean }): Promise<void> {
    await this.#uploads?.check(params);
  }

  /** Sessions of devices that the store takes for open. */
  async openSessions(): Promise<string[]> {
    const { data } = await this.tenant.listDevices({ limit: 100, cursor: undefined, subject: undefined });
    const devices = await Promise.all(data.map(({ id }) => this.tenant.findDevice({ deviceId: id })));
    return devices.flatMap((device) =>
      (device?.sessions ?? [])
        .filter(({ disconnectedAt }) => disconnectedAt === null)
        .map(({ id }) => `${id} of ${device?.key}`),
    );
  }
}
