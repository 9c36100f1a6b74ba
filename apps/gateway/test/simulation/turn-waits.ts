import { BOOT_GRACE_MS, CLAIM_POLL_MS, CLAIM_REST_MAX_MS, LAST_CHANCE_WATCH_MS } from "../../src/engine/limits.ts";
import type { MemoryStore } from "../store/memory-store.ts";
import type { Recorder } from "./recorder.ts";
import { SIEGE_RUNS_APART } from "./siege.ts";
import type { Scheduler } from "./scheduler.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

/** How often the queue is looked at, in virtual ms. */
const LOOK_MS = 100;
/** How long the statements of a claim are on their way together, at most, in virtual ms, when nothing is slow. */
const ON_THE_WAY_MS = 200;
/** After how long fleets have their gateways back once nothing goes wrong any more, in virtual ms. */
const BACK_MS = 5000;

/** What the store knows of a run that is due. */
export interface DueRun {
  readonly runId: string;
  readonly waitedMs: number;
  /** Its holder did not give the lease back. */
  readonly isLost: boolean;
  readonly isOnLastChance: boolean;
}

/**
 * Watches how long the runs of one tenant wait for their next turn, while nothing goes wrong but what another tenant
 * does. A run that is due is claimed within:
 *
 *     a poll + the rest after a claim + the way of the statements
 *     + for each stall of a gateway that fell into the wait: its length, and two leases
 *     + two leases, if its lease was lost
 *     + two watches for each run of its tenant that is on its last chance, if it is on its own
 *
 * A tenant of which gateways hold `SIEGE_RUNS_APART` runs may wait for its own, so its waits count from when they hold
 * fewer. Gateways that have just begun take no run with an overdue call, so waits count from when they may. After a
 * stall the leases of its gateway end, and for one more lease the gateway judges nobody. For last chances the tenants
 * take turns, so each of them lets another tenant's one go first.
 */
export class TurnWaits {
  readonly #scheduler: Scheduler;
  readonly #recorder: Recorder;
  readonly #database: Pick<MemoryStore, "dueRuns" | "heldRuns">;
  readonly #tenantId: TenantId;
  readonly #leaseDurationMs: number;
  readonly #stalls: { readonly from: number; readonly until: number }[] = [];
  /** Until when the gateways that began first take no run with an overdue call. */
  readonly #begunAt: number;
  #countsFrom: number;

  constructor(params: {
    readonly scheduler: Scheduler;
    readonly recorder: Recorder;
    readonly database: Pick<MemoryStore, "dueRuns" | "heldRuns">;
    readonly tenantId: TenantId;
    readonly leaseDurationMs: number;
  }) {
    this.#scheduler = params.scheduler;
    this.#recorder = params.recorder;
    this.#database = params.database;
    this.#tenantId = params.tenantId;
    this.#leaseDurationMs = params.leaseDurationMs;
    this.#begunAt = Math.min(BOOT_GRACE_MS, params.leaseDurationMs / 2);
    this.#countsFrom = this.#begunAt;
  }

  begin(): void {
    this.#scheduler.after(LOOK_MS, "look", () => {
      this.#look();
      this.begin();
    });
  }

  /** A run keeps the event loop of a gateway for so long, in virtual ms. */
  stalled(forMs: number): void {
    const { time } = this.#scheduler;
    this.#stalls.push({ from: time, until: time + forMs });
  }

  /** A fault is at work until further notice. */
  faultsBegin(): void {
    this.#countsFrom = Number.POSITIVE_INFINITY;
  }

  faultsAreOver(): void {
    const { time } = this.#scheduler;
    this.#countsFrom = this.#countsFrom === this.#begunAt ? this.#begunAt : time + BACK_MS + 2 * this.#leaseDurationMs;
  }

  #look(): void {
    const { time } = this.#scheduler;
    if (this.#database.heldRuns(this.#tenantId) >= SIEGE_RUNS_APART)
      this.#countsFrom = Math.max(this.#countsFrom, time);
    const due = this.#database.dueRuns(this.#tenantId);
    const lastChances = due.filter(({ isOnLastChance }) => isOnLastChance).length;
    for (const run of due) {
      const waitedMs = Math.min(run.waitedMs, time - this.#countsFrom);
      const mayWaitMs = this.#mayWaitMs(run, time - waitedMs, lastChances);
      if (waitedMs > mayWaitMs)
        this.#recorder.fail("turns", `${run.runId} waits for ${waitedMs} ms, and ${mayWaitMs} ms is the most`);
      if (waitedMs > 0) this.#recorder.counts.longestWaitMs = Math.max(this.#recorder.counts.longestWaitMs, waitedMs);
    }
  }

  #mayWaitMs(run: DueRun, since: number, lastChances: number): number {
    const leaseMs = this.#leaseDurationMs;
    const turnMs = Math.min(CLAIM_POLL_MS, leaseMs / 6) + CLAIM_REST_MAX_MS + ON_THE_WAY_MS;
    const stalledMs = this.#stalls
      .filter(({ until }) => until + 2 * leaseMs >= since)
      .reduce((sum, { from, until }) => sum + until - from + 2 * leaseMs, 0);
    const lostMs = run.isLost ? 2 * leaseMs : 0;
    const chancesMs = run.isOnLastChance ? 2 * LAST_CHANCE_WATCH_MS * lastChances : 0;
    return turnMs + stalledMs + lostMs + chancesMs;
  }
}
