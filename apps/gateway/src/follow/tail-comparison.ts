import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { LiveLog } from "../ports/live-log.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import {
  FOLLOW_COMPARE_INTERVAL_MS,
  FOLLOW_COMPARE_RUNS_MAX,
  FOLLOW_POLL_INTERVAL_MS,
  FOLLOW_POLL_RUNS_MAX,
  FOLLOW_RETRY,
} from "./limits.ts";
import type { RunFollower } from "./run-follower.ts";

type ComparedFollower = Pick<RunFollower, "runId" | "isLive" | "headSeq" | "tailIs" | "poll">;

/**
 * Makes certain what the live log makes immediate. A notification may be lost with nothing after it. The store knows
 * how far each run has come.
 *
 * 1. The last seq of every live run is compared with the store every `FOLLOW_COMPARE_INTERVAL_MS`.
 * 2. While the live log is away, nothing tells what other gateways write. Then the interval is
 *    `FOLLOW_POLL_INTERVAL_MS`, and `FOLLOW_POLL_RUNS_MAX` runs in turn look for deltas as well.
 * 3. Whether the live log is away is checked apart, since a check of a live log that hangs takes its time.
 */
export class TailComparison {
  readonly #fleet: Pick<FleetStore, "readTails">;
  readonly #liveLog: Pick<LiveLog, "check">;
  readonly #followers: () => Iterable<ComparedFollower>;
  readonly #checks: Recurring;
  readonly #comparisons: Recurring;
  #isLiveLogAway = false;
  /** How many runs have looked for deltas so far. */
  #polled = 0;

  constructor(deps: {
    readonly fleet: Pick<FleetStore, "readTails">;
    readonly liveLog: Pick<LiveLog, "check">;
    readonly clock: Clock;
    readonly log: Log;
    readonly followers: () => Iterable<ComparedFollower>;
  }) {
    const { clock, log } = deps;
    this.#fleet = deps.fleet;
    this.#liveLog = deps.liveLog;
    this.#followers = deps.followers;
    const common = { retry: FOLLOW_RETRY, clock, log };
    this.#checks = new Recurring({ ...common, name: "check the live log", tick: () => this.#check() });
    this.#comparisons = new Recurring({ ...common, name: "compare followed runs", tick: () => this.#compare() });
    this.#checks.start(null);
    this.#comparisons.start(null);
  }

  get isLiveLogAway(): boolean {
    return this.#isLiveLogAway;
  }

  /** A run is followed from now on. */
  began(): void {
    this.#checks.request(FOLLOW_POLL_INTERVAL_MS);
    this.#comparisons.request(this.#intervalMs);
  }

  /** Resolves when nothing is in flight any more; never rejects. */
  async stop(): Promise<void> {
    await Promise.all([this.#checks.stop(), this.#comparisons.stop()]);
  }

  get #intervalMs(): number {
    return this.#isLiveLogAway ? FOLLOW_POLL_INTERVAL_MS : FOLLOW_COMPARE_INTERVAL_MS;
  }

  get #live(): ComparedFollower[] {
    return [...this.#followers()].filter((follower) => follower.isLive);
  }

  /** 3. Not due again while nothing is followed. */
  async #check(): Promise<number | null> {
    if (this.#live.length === 0) return null;
    const wasAway = this.#isLiveLogAway;
    this.#isLiveLogAway = (await this.#liveLog.check().catch(String)) !== null;
    if (this.#isLiveLogAway && !wasAway) this.#comparisons.request(); // 2.
    return FOLLOW_POLL_INTERVAL_MS;
  }

  /** 1. Not due again while nothing is followed. */
  async #compare(): Promise<number | null> {
    const live = this.#live;
    if (live.length === 0) return null;
    if (this.#isLiveLogAway) this.#poll(live); // 2.
    for (let first = 0; first < live.length; first += FOLLOW_COMPARE_RUNS_MAX) {
      const some = live.slice(first, first + FOLLOW_COMPARE_RUNS_MAX);
      const shown = some.map(({ headSeq }) => headSeq);
      const tails = await this.#fleet.readTails({ runIds: some.map(({ runId }) => runId) });
      for (const [index, follower] of some.entries())
        follower.tailIs(tails.get(follower.runId) ?? 0, shown[index] ?? 0);
    }
    return this.#intervalMs;
  }

  #poll(live: readonly ComparedFollower[]): void {
    const count = Math.min(FOLLOW_POLL_RUNS_MAX, live.length);
    for (let index = 0; index < count; index++) live[(this.#polled + index) % live.length]?.poll();
    this.#polled += count;
  }
}
