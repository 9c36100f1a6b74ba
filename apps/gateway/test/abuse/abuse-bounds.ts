import type { AbuseRow } from "./measure-abuse.ts";

/** What a gateway under attack is held to. */
export interface AbuseBounds {
  /** The time of `/health` that so many of 100 requests stay within, in milliseconds. */
  readonly health: { readonly percent: 95 | 99; readonly maxMs: number };
  /** How many times as long a quiet tenant's runs may take as without an attack. */
  readonly runSlowdownMax: number;
}

/** What the gateway is held to where nothing else runs. */
export const ABUSE_BOUNDS: AbuseBounds = { health: { percent: 99, maxMs: 250 }, runSlowdownMax: 2 };
/**
 * What it is held to where other work takes the cores as well. Each attack of the short form once broke one of these
 * bounds.
 */
export const BUSY_MACHINE_BOUNDS: AbuseBounds = { health: { percent: 95, maxMs: 750 }, runSlowdownMax: 6 };
/** Resident memory of a gateway under attack, in bytes. */
export const RSS_BYTES_MAX = 1024 ** 3;

/** Returns what a row broke, as sentences; empty if it kept every bound. */
export function brokenBounds(row: AbuseRow, { health, runSlowdownMax }: AbuseBounds): string[] {
  const broken: string[] = [];
  const healthMs = health.percent === 99 ? row.healthP99Ms : row.healthP95Ms;
  if (healthMs > health.maxMs)
    broken.push(`/health took ${whole(healthMs)} ms (p${health.percent}), more than ${health.maxMs}`);
  if (row.runP50Ms > runSlowdownMax * row.aloneP50Ms)
    broken.push(`a quiet run took ${whole(row.runP50Ms)} ms, and ${whole(row.aloneP50Ms)} ms alone`);
  if (row.peakRssBytes > RSS_BYTES_MAX) broken.push(`memory rose to ${whole(row.peakRssBytes / 1024 ** 2)} MB`);
  if (row.failedRuns.length > 0) broken.push(`${row.failedRuns.length} quiet runs failed: ${row.failedRuns[0] ?? ""}`);
  return broken;
}

function whole(value: number): string {
  return Math.round(value).toString();
}
