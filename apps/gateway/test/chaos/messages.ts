/** The messages between the chaos program and its worker processes. Times are in milliseconds of the wall clock. */
import type { Interjection } from "./agent.ts";

/** How a run is to be watched. */
export interface WatchOrder {
  readonly kind: "watch";
  readonly runId: string;
  /** When a second watcher joins, in milliseconds after the first event. */
  readonly joinAfterMs: number;
  /** Whether it starts at the first watcher's position rather than at the beginning. */
  readonly joinsInside: boolean;
  /** Whether it is followed over a watch socket too. */
  readonly bySocket: boolean;
  /** Messages to the run in progress. */
  readonly messages: readonly Interjection[];
}

/** A kill or a hand-over, and the runs that were held then. */
export interface Interruption {
  readonly kind: "kill" | "handover";
  readonly from: number;
  /** Silences that begin until then count. */
  readonly until: number;
  readonly runIds: readonly string[];
}

/** What an interruption cost: one figure for each run, in milliseconds. */
export interface InterruptionCost {
  /** From `from` to the time of the next event. */
  readonly nextEvent: readonly number[];
  /** From `from` until a watcher had an event. */
  readonly nextSeen: readonly number[];
  /** From the last event before a lease was handed back to the next holder's first, between `from` and `until`. */
  readonly takenUp: readonly number[];
  /** The longest pause between two events that began between `from` and `until`. */
  readonly longestSilence: readonly number[];
}

export type ToWatchWorker =
  | { readonly kind: "hello"; readonly url: string; readonly apiKey: string }
  | WatchOrder
  | { readonly kind: "costs"; readonly interruptions: readonly Interruption[] }
  | { readonly kind: "lags"; readonly windows: readonly { readonly from: number; readonly until: number }[] };

export type FromWatchWorker =
  | {
      readonly kind: "ended";
      readonly runId: string;
      /** The terminal fact, with its error's code where it has one. */
      readonly end: string;
      /** Events in the canonical log when the records were compared. */
      readonly events: number;
      readonly recoveries: number;
      /** When its first and its last event were made. */
      readonly beganAt: number;
      readonly endedAt: number;
      readonly discarded: Readonly<Record<string, number>>;
      /** What was submitted to it, by the status of the response. */
      readonly submitted: Readonly<Record<string, number>>;
      /** How often a watch socket resumed it; null if no socket followed it. */
      readonly resumes: number | null;
      /** Where R8 is broken, or a rule for the log by itself. */
      readonly faults: readonly string[];
    }
  | { readonly kind: "costs"; readonly costs: readonly InterruptionCost[] }
  /** How late events of these windows came to connected watchers, in milliseconds. */
  | { readonly kind: "lags"; readonly lags: readonly number[] };

export interface ToDeviceWorker {
  readonly url: string;
  readonly apiKey: string;
  readonly devices: readonly DeviceOrder[];
  /** Each execution is a line in it: `<callId> <tool> <time>`. */
  readonly executionsFile: string;
  /** The longest execution of a tool, in milliseconds. */
  readonly workMaxMs: number;
}

export interface DeviceOrder {
  readonly deviceKey: string;
  /** The file of its memory of results; null if the memory ends with the process. */
  readonly memoryFile: string | null;
}

/** A device has written an execution to disk and begins the work. */
export type FromDeviceWorker = "begun";
