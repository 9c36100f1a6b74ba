import type { Clock } from "../../src/ports/clock.ts";
import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

export const EPOCH_MS = Date.UTC(2026, 0, 1);

/**
 * The process that a gateway runs in. Everything that reaches its code comes through `enter`. Everything that its code
 * does asks `mayAct` first. A dead process does nothing more; a frozen one does all of it later.
 */
export class Machine {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly scheduler: Scheduler;
  #phase: "alive" | "frozen" | "dead" = "alive";
  #backlog: (() => void)[] = [];
  /**
   * What goes on first when code lets go of the event loop: that code, and the timers that came due. Node calls them
   * before what else has come since. Null: no code keeps it.
   */
  #lateTimers: (() => void)[] | null = null;
  /** After so many more acts it dies, in the middle of a turn. */
  #doom: number | null = null;
  #onDeath: (() => void)[] = [];
  /** For how long its monotonic clock stood still so far, and since when it stands still now, in ms. */
  #stoodMs = 0;
  #standsSince: number | null = null;
  /** How long code has kept its event loop so far, in ms. */
  #burntMs = 0;
  /** How far this machine's wall clock is off, in ms. */
  skewMs = 0;

  constructor(name: string, scheduler: Scheduler, random: Random) {
    this.name = name;
    this.scheduler = scheduler;
    this.random = random;
    let ids = 0;
    const idRandom = random.fork();
    this.clock = {
      now: () => Math.floor(EPOCH_MS + scheduler.time + this.skewMs),
      monotonic: () => this.#monotonic(),
      cpu: () => this.#burntMs,
      after: (delayMs, callback) => {
        // Like Node's timers: whole milliseconds, rounded down, at least one, and a little late.
        const wholeMs = Math.max(1, Math.trunc(delayMs));
        const dueAt = this.#monotonic() + wholeMs;
        let cancelled = false;
        let cancel = (): void => {};
        const fire = (): void => {
          if (cancelled) return;
          const restMs = dueAt - this.#monotonic();
          // Its clock stood still for a while, so the timer is not due yet.
          if (restMs > 0.001) arm(restMs);
          else callback();
        };
        const arm = (inMs: number): void => {
          cancel = scheduler.after(inMs + this.random.next(), `${name}.timer`, () => this.#enterByTimer(fire));
        };
        arm(wholeMs);
        return () => {
          cancelled = true;
          cancel();
        };
      },
      random: () => random.next(),
      newId: () => idAt(EPOCH_MS + scheduler.time, (ids += 1), idRandom),
    };
  }

  get isAlive(): boolean {
    return this.#phase === "alive";
  }

  get isDead(): boolean {
    return this.#phase === "dead";
  }

  get isFrozen(): boolean {
    return this.#phase === "frozen";
  }

  /** Lets something from outside reach the code that runs here. */
  enter(callback: () => void): void {
    if (this.#phase === "alive") callback();
    else if (this.#phase === "frozen") this.#backlog.push(callback);
  }

  /** Whether the code that runs here may do something that others can see. */
  mayAct(): boolean {
    if (this.#phase === "dead") return false;
    if (this.#doom === null) return true;
    if (this.#doom > 0) {
      this.#doom -= 1;
      return true;
    }
    this.kill();
    return false;
  }

  /** Kills it after so many more acts. */
  killAfter(acts: number): void {
    if (this.#phase === "alive") this.#doom = acts;
  }

  kill(): void {
    if (this.#phase === "dead") return;
    this.#phase = "dead";
    this.#backlog = [];
    this.scheduler.trace(`${this.name} dies`);
    for (const callback of this.#onDeath) callback();
  }

  /**
   * Nothing runs here until the thaw. `suspended`: the whole machine sleeps, so its monotonic clock stands still too.
   */
  freeze(how: "stopped" | "suspended" = "stopped"): void {
    if (this.#phase !== "alive") return;
    this.#phase = "frozen";
    if (how === "suspended") this.#standsSince = this.scheduler.time;
  }

  /**
   * Code that runs here keeps the event loop for so long. Nothing else runs meanwhile, and what comes waits. The
   * promise resolves before all that waited.
   */
  burn(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#phase !== "alive") return this.enter(resolve);
      this.freeze();
      const since = this.scheduler.time;
      const end = (): void => {
        this.#burntMs += this.scheduler.time - since;
        resolve();
      };
      this.#lateTimers = [end];
      this.scheduler.after(ms, `${this.name}.burnt`, () => this.thaw());
    });
  }

  #enterByTimer(callback: () => void): void {
    if (this.#phase === "frozen" && this.#lateTimers !== null) this.#lateTimers.push(callback);
    else this.enter(callback);
  }

  /** What waited is done in order, each entry with everything that follows from it. */
  thaw(): void {
    if (this.#phase !== "frozen") return;
    this.#phase = "alive";
    if (this.#standsSince !== null) this.#stoodMs += this.scheduler.time - this.#standsSince;
    this.#standsSince = null;
    const backlog = [...(this.#lateTimers ?? []), ...this.#backlog];
    this.#backlog = [];
    this.#lateTimers = null;
    for (const callback of backlog) this.scheduler.after(0, `${this.name}.late`, () => this.enter(callback));
  }

  #monotonic(): number {
    return (this.#standsSince ?? this.scheduler.time) - this.#stoodMs;
  }

  /** Calls back when it dies; the callback runs outside of it. */
  onDeath(callback: () => void): void {
    this.#onDeath.push(callback);
  }
}

/** The clock of the database: it goes with virtual time and never jumps. */
export function storeClock(scheduler: Scheduler, random: Random): Clock {
  return new Machine("store", scheduler, random).clock;
}

/** A UUIDv7 whose order is that of time and count. */
function idAt(ms: number, count: number, random: Random): string {
  const time = Math.floor(ms).toString(16).padStart(12, "0");
  const rest =
    random.whole(0, 0xffffffff).toString(16).padStart(8, "0") + (count & 0xffff).toString(16).padStart(4, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${(count & 0xfff).toString(16).padStart(3, "0")}-8${rest.slice(0, 3)}-${rest.slice(0, 12)}`;
}
