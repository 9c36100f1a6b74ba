import type { Findings } from "./experiment.ts";

/** The options of all scenarios. Each takes what it needs. */
export interface ScenarioOptions {
  readonly seed: number;
  /** Runs in all, at least. */
  readonly runs: number;
  /** Runs in flight at once. */
  readonly width: number;
  readonly faults: number;
  /** The mean time between two faults, in milliseconds. */
  readonly faultEveryMs: number;
  /** Only kinds of faults whose names contain this text. */
  readonly only: string;
  readonly leaseMs: number;
  /** The duration of the part with faults. */
  readonly seconds: number;
  readonly say: (what: string) => void;
}

export type Scenario = (options: ScenarioOptions) => Promise<Findings>;

/** The fleet of every scenario. */
export const FLEET = { gateways: 3, watchWorkers: 2, deviceWorkers: 2, devicesPerWorker: 4, workMaxMs: 300 };

/** Returns a broken promise if a figure is above its bound. */
export function above(what: string, value: number, max: number): string[] {
  return value > max ? [`${what} is ${Math.round(value)} ms, and must not exceed ${max} ms`] : [];
}
