/** What the chaos program and its worker processes say to each other. */

import type { Interjection } from "./agent.ts";

/** How a run is watched, and what its record came to. */
export interface WatchOrder {
  readonly kind: "watch";
  readonly runId: string;
  /**
   * When a second watcher joins, in milliseconds after the first event; and whether it begins where the first one
   * stands then, or at the start.
   */
  readonly joinAfterMs: number;
  readonly joinsInside: boolean;
  /** Whether it is followed over a watch socket as well. */
  readonly bySocket: boolean;
  /** What is said to it in the middle. */
  readonly messages: readonly Interjection[];
}

/** For each kill or hand-over: the runs that were held, and when (ms, the wall clock). */
export interface Interruption {
  readonly kind: "kill" | "handover";
  readonly from: number;
  /** Until when silences that began count. */
  readonly until: number;
  readonly runIds: readonly string[];
}

/** What an interruption cost, in ms, each figure one run. */
export interface InterruptionCost {
  /** From `from` to the time of the next event. */
  readonly nextEvent: readonly number[];
  /** From `from` until a watcher had an event. */
  readonly nextSeen: readonly number[];
  /**
   * From the last event before a lease was handed back to the first of who took it up, where that was between `from`
   * and `until`.
   */
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
      /** When its first and its last event were made (ms, the wall clock). */
      readonly beganAt: number;
      readonly endedAt: number;
      readonly discarded: Readonly<Record<string, number>>;
      /** What was submitted to it, by how it was answered. */
      readonly submitted: Readonly<Record<string, number>>;
      /** How often it was taken up again over a watch socket; null: it was not followed over one. */
      readonly resumes: number | null;
      /** Where R8, or the log by itself, does not hold. */
      readonly faults: readonly string[];
    }
  | { readonly kind: "costs"; readonly costs: readonly InterruptionCost[] }
  /** How late events of these windows came to watchers that were there, in ms. */
  | { readonly kind: "lags"; readonly lags: readonly number[] };

export interface ToDeviceWorker {
  readonly url: string;
  readonly apiKey: string;
  readonly devices: readonly DeviceOrder[];
  /** Each execution is a line in it: `<callId> <tool> <when, in ms of the wall clock>`. */
  readonly executionsFile: string;
  /** Of a tool, in milliseconds. */
  readonly workMaxMs: number;
}

export interface DeviceOrder {
  readonly deviceKey: string;
  /** Where its memory of results outlives the process; null: it does not. */
  readonly memoryFile: string | null;
}

/** It has noted an execution and begins the work. */
export type FromDeviceWorker = "begun";
