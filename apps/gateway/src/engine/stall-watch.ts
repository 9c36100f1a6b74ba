/**
 * Notices when code kept the event loop for so long that leases were in danger, and of which run that code was.
 *
 * 1. Code of a run that may take long says when it is done (`ran`). The model's fragments do so, the begin and the end
 *    of an effect, and each round. The time since the loop was last seen going is then that run's.
 * 2. Everything else says that the loop goes (`seen`), a timer at the least. A gap that it finds is nobody's: an
 *    innocent run must not be blamed for what came before it in the same turn.
 * 3. Code that stalls and then waits, without having said that it is done, is not found out. What of a run is foreign
 *    says it: the model's adapter before each read, and server tools when they settle.
 */
import { isStall } from "../core/blame.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import type { Claim } from "./claim.ts";
import { STALL_WATCH_INTERVAL_MS } from "./limits.ts";

/** The event loop did not go for so long. `claim`: the run whose code ran; null: no run's. */
export interface Stall {
  readonly claim: Claim | null;
  readonly gapMs: number;
}

export class StallWatch {
  readonly #clock: Clock;
  readonly #leaseDurationMs: number;
  readonly #onStall: (stall: Stall) => void;
  readonly #beats: Recurring;
  readonly #intervalMs: number;
  /** When the loop was last seen going, by the monotonic clock, and the CPU time of the thread at its last beat. */
  #seenAt: number;
  #cpuAtBeat: number;

  constructor(params: {
    readonly clock: Clock;
    readonly log: Log;
    readonly leaseDurationMs: number;
    readonly onStall: (stall: Stall) => void;
  }) {
    const { clock, log, leaseDurationMs, onStall } = params;
    this.#clock = clock;
    this.#leaseDurationMs = leaseDurationMs;
    this.#onStall = onStall;
    this.#seenAt = clock.monotonic();
    this.#cpuAtBeat = clock.cpu();
    this.#intervalMs = Math.min(STALL_WATCH_INTERVAL_MS, leaseDurationMs / 12);
    const retry = { minMs: this.#intervalMs, maxMs: this.#intervalMs };
    this.#beats = new Recurring({ name: "watch the event loop", tick: () => this.#beat(), retry, clock, log });
  }

  start(): void {
    this.#seenAt = this.#clock.monotonic();
    this.#beats.start(0);
  }

  async stop(): Promise<void> {
    await this.#beats.stop();
  }

  /** Code of this run ran until now (1.). */
  ran(claim: Claim): void {
    this.#look(claim);
  }

  /** The loop goes (2.). */
  seen(): void {
    this.#look(null);
  }

  async #beat(): Promise<number> {
    this.seen();
    this.#cpuAtBeat = this.#clock.cpu();
    return this.#intervalMs;
  }

  #look(claim: Claim | null): void {
    const now = this.#clock.monotonic();
    const gapMs = now - this.#seenAt;
    this.#seenAt = now;
    // Before a timer is late, the loop has rested for its interval at most.
    if (gapMs <= this.#leaseDurationMs / 3) return;
    const cpuMs = this.#clock.cpu() - this.#cpuAtBeat;
    this.#cpuAtBeat = this.#clock.cpu();
    if (isStall({ gapMs, cpuMs, leaseDurationMs: this.#leaseDurationMs })) this.#onStall({ claim, gapMs });
  }
}
