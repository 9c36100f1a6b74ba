import type { RunStatus } from "./run.ts";

/** Trouble that a gateway has logged. It has no payload and no name of a tenant. */
export interface GatewayTrouble {
  readonly at: string;
  readonly level: "warn" | "error";
  readonly message: string;
}

/** What a gateway has in hand, as it says itself every few seconds. */
export interface GatewayReport {
  readonly at: string;
  /** Runs whose lease it holds. */
  readonly runsHeld: number;
  /** Devices that are connected to it. */
  readonly devices: number;
  /** Clients that follow runs through it, and the runs that they follow. */
  readonly watchers: number;
  readonly followedRuns: number;
  /** Recent events in its memory for them. */
  readonly bufferedBytes: number;
  /** Runs that it has claimed since its start, and those of them whose lease another gateway had lost. */
  readonly claimedRuns: number;
  readonly recoveredRuns: number;
  /** Why Redis does not serve it; `null`: it does. */
  readonly liveLogFault: string | null;
  /** The last ones, newest first. */
  readonly troubles: readonly GatewayTrouble[];
}

/** A gateway, as the store knows it. */
export interface FleetGateway {
  readonly id: string;
  /** ISO 8601, UTC, as all times. */
  readonly startedAt: string;
  /** Its last heartbeat. */
  readonly beatenAt: string;
  /** Whether it takes no new work. */
  readonly isStopping: boolean;
  /** `null`: it has said nothing yet, or is of an earlier version. */
  readonly report: GatewayReport | null;
}

/** A run that could go on, and waits for a gateway. */
export interface DueRun {
  readonly runId: string;
  readonly tenantId: string;
  readonly status: RunStatus;
  readonly dueAt: string;
  /** Claims since its last progress that found a lost lease. */
  readonly recoveries: number;
}

/** How the gateways of a store stand, and what waits for them. */
export interface Fleet {
  readonly asOf: string;
  /** The gateway that answers. */
  readonly servedBy: string;
  /** What is wrong with the store; `null`: nothing. */
  readonly storeFault: string | null;
  /** How long the store took to tell all this, in ms. */
  readonly storeMs: number;
  /** Runs of all tenants that nobody has begun. */
  readonly queuedRuns: number;
  /** Runs of all tenants that have begun and not ended. */
  readonly activeRuns: number;
  /** Runs that are due: 10,000 at most are counted, as of the next. */
  readonly dueRuns: number;
  /** Open runs that lost their gateway and have made no progress since. */
  readonly recoveringRuns: number;
  /** Those that are due for longest. */
  readonly oldestDue: readonly DueRun[];
  /** Newest first. One that is gone stays for a while. */
  readonly gateways: readonly FleetGateway[];
}
