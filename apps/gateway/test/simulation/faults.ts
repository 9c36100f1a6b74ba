import type { Machine } from "./machine.ts";
import type { Random } from "./random.ts";
import type { SimulatedGateway } from "./simulated-gateway.ts";
import type { World } from "./world.ts";

const FAULTS = [
  "kill",
  "stop",
  "freeze",
  "suspend",
  "clock_jump",
  "redis_wipe",
  "redis_down",
  "redis_hang",
  "redis_lossy",
  "store_down",
  "store_unknown",
  "store_slow",
  "cut_off",
  "lifelines_cut",
  "device_cut",
  "device_reboot",
  "device_leave",
  "watcher_cut",
] as const;

/** The slowest statement takes about so many times as long as a typical one (`Random.delayMs`). */
const SLOWEST_PER_TYPICAL = 41;

/** One way in which a world goes wrong. */
export type Fault = (typeof FAULTS)[number];

/** Causes the faults of a seed: which kinds, how often, and until when. */
export class Faults {
  readonly counts: Partial<Record<Fault, number>> = {};
  /** Freezes of gateways that held a run. */
  frozenHolders = 0;
  readonly #world: World;
  readonly #random: Random;
  readonly #kinds: readonly Fault[];
  readonly #meanMs: number;
  readonly #areFreezesLong: boolean;
  readonly #stopping = new Set<string>();
  #isOver = false;

  /** `only`: these kinds and no others, instead of those of the seed. */
  constructor(world: World, only: readonly Fault[] | undefined) {
    this.#world = world;
    this.#random = world.random.fork();
    // A few kinds at a time find more than all at once, because some faults hide others.
    const share = this.#random.pick([0, 0.2, 0.5, 1]);
    const kinds = FAULTS.filter(() => this.#random.chance(share));
    this.#kinds = only ?? kinds;
    this.#meanMs = this.#random.pick([200, 800, 3000]);
    this.#areFreezesLong = this.#random.chance(0.1);
  }

  /** Begins, and returns when the faults are over, in virtual ms. */
  begin(): number {
    if (this.#kinds.length > 0) {
      this.#world.turnWaits?.faultsBegin();
      this.#next();
    }
    return this.#areFreezesLong ? this.#random.between(15_000, 35_000) : this.#random.between(4000, 20_000);
  }

  /** Everything works again from now on. */
  heal(): void {
    this.#isOver = true;
    this.#world.turnWaits?.faultsAreOver();
    const { redis, weather, gateways } = this.#world;
    redis.comeBack();
    redis.lostShare = 0;
    redis.doubledShare = 0;
    weather.isDown = false;
    weather.unknownShare = 0;
    weather.typicalMs = 1;
    weather.cutOff.clear();
    for (const { machine } of gateways) machine.thaw();
    if (gateways.size === 0) this.#world.addGateway();
  }

  #next(): void {
    this.#world.scheduler.after(-Math.log(1 - this.#random.next()) * this.#meanMs, "fault", () => {
      if (this.#isOver) return;
      const kind = this.#random.pick(this.#kinds);
      this.counts[kind] = (this.counts[kind] ?? 0) + 1;
      this.#bring(kind);
      this.#next();
    });
  }

  #bring(kind: Fault): void {
    const { redis, weather, devices, watchers, scheduler, lostLeases } = this.#world;
    const random = this.#random;
    const gateway = this.#anyGateway();
    const machine = gateway?.machine;
    scheduler.trace(`fault ${kind} ${machine?.name ?? ""}`);
    switch (kind) {
      case "kill":
        if (machine !== undefined) this.#kill(machine);
        return;
      case "stop":
        if (gateway !== undefined) this.#stop(gateway);
        return;
      case "freeze":
      case "suspend": {
        if (gateway === undefined || machine === undefined || machine.isFrozen) return;
        if (gateway.runsHeld > 0) this.frozenHolders += 1;
        machine.freeze(kind === "freeze" ? "stopped" : "suspended");
        for (const watcher of watchers) this.#after(random.between(3000, 5000), () => watcher.loseSilent());
        const forMs = this.#freezeMs();
        lostLeases.hindered(gateway.gatewayId, forMs);
        return this.#after(forMs, () => machine.thaw());
      }
      case "clock_jump":
        if (machine !== undefined) machine.skewMs += random.between(-86_400_000, 86_400_000);
        return;
      case "redis_wipe":
        return redis.wipe();
      case "redis_down":
      case "redis_hang":
        redis.fail(kind === "redis_down" ? "down" : "hanging");
        return this.#after(random.between(50, 4000), () => redis.comeBack());
      case "redis_lossy":
        redis.lostShare = random.pick([0.05, 0.3, 0.9]);
        redis.doubledShare = random.pick([0, 0.3]);
        return this.#after(random.between(500, 5000), () => {
          redis.lostShare = 0;
          redis.doubledShare = 0;
        });
      case "store_down":
        weather.isDown = true;
        for (const gatewayId of this.#stopping) lostLeases.died(gatewayId);
        // In half of the cases it restarts, which ends every connection. In a quarter the connections break and it goes
        // on.
        switch (random.whole(0, 3)) {
          case 0:
          case 1:
            this.#world.database.forgetLifelines();
            break;
          case 2:
            this.#cutLifelines();
            break;
          default:
        }
        return this.#after(random.between(20, 5000), () => void (weather.isDown = false));
      case "store_unknown":
        weather.unknownShare = random.pick([0.05, 0.3]);
        return this.#after(random.between(200, 4000), () => void (weather.unknownShare = 0));
      case "store_slow": {
        weather.typicalMs = random.pick([20, 200]);
        const forMs = random.between(200, 4000);
        // Statements then take up to seconds, also the last ones. An answer that comes after the end of the lease looks
        // like a lost gateway.
        lostLeases.everybodyHindered(forMs + SLOWEST_PER_TYPICAL * weather.typicalMs);
        return this.#after(forMs, () => void (weather.typicalMs = 1));
      }
      case "cut_off": {
        if (machine === undefined || gateway === undefined) return;
        if (random.chance(0.5)) this.#world.database.cutLifeline(gateway.gatewayId);
        weather.cutOff.add(machine);
        const forMs = random.between(50, 6000);
        lostLeases.hindered(gateway.gatewayId, forMs);
        return this.#after(forMs, () => void weather.cutOff.delete(machine));
      }
      case "lifelines_cut":
        return this.#cutLifelines();
      case "device_cut":
        return random.pick(devices).cut(random.chance(0.6));
      case "device_reboot":
        return random.pick(devices).reboot();
      case "device_leave":
        return random.pick(devices).leave(random.between(500, 15_000));
      case "watcher_cut":
        for (const watcher of watchers) if (random.chance(0.5)) watcher.cut();
        for (const client of this.#world.watchClients) if (random.chance(0.3)) client.cut(random.chance(0.6));
        return;
      default:
        kind satisfies never;
    }
  }

  /**
   * Half of them last for about a lease, so that the gateway comes back just when another takes over. In some worlds
   * they are so long that the others take it for gone.
   */
  #freezeMs(): number {
    const random = this.#random;
    if (this.#areFreezesLong) return random.between(8000, 25_000);
    return random.chance(0.5) ? random.between(50, 6000) : this.#world.leaseDurationMs * random.between(0.8, 1.4);
  }

  /** A gateway that is slow to beat again looks dead. */
  #cutLifelines(): void {
    for (const { gatewayId } of this.#world.gateways) {
      if (this.#random.chance(0.3)) continue;
      this.#world.lostLeases.hindered(gatewayId, 0);
      this.#world.database.cutLifeline(gatewayId);
    }
  }

  #anyGateway(): SimulatedGateway | undefined {
    const all = [...this.#world.gateways];
    return all.length === 0 ? undefined : this.#random.pick(all);
  }

  #kill(machine: Machine): void {
    if (this.#random.chance(0.3)) machine.kill();
    else machine.killAfter(this.#random.whole(0, 12));
    this.#replace(machine);
  }

  #stop(gateway: SimulatedGateway): void {
    const { machine } = gateway;
    // A gateway that cannot finish is killed by its supervisor.
    this.#after(4000, () => machine.kill());
    // While its database is away it returns no lease, and does not wait until it can.
    this.#stopping.add(gateway.gatewayId);
    if (this.#world.weather.isDown) this.#world.lostLeases.died(gateway.gatewayId);
    gateway.stop();
    this.#replace(machine);
  }

  #replace(machine: Machine): void {
    const { random } = this.#world;
    machine.onDeath(() => this.#after(random.between(20, 3000), () => this.#world.addGateway()));
  }

  /** Mends what was broken, also after the faults are over. */
  #after(delayMs: number, run: () => void): void {
    this.#world.scheduler.after(delayMs, "mend", run);
  }
}
