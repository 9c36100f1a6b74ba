import type { AbuseRow } from "./measure-abuse.ts";

/** The time of `/health` that 99 of 100 requests stay within while somebody attacks, in milliseconds. */
export const HEALTH_P99_MAX_MS = 250;
/** How many times as long a quiet tenant's runs may take as without an attack. */
const RUN_SLOWDOWN_MAX = 2;
/** Resident memory of a gateway under attack, in bytes. */
export const RSS_BYTES_MAX = 1024 ** 3;

/** Returns what a row broke, as sentences; empty if it kept every bound. */
export function brokenBounds(row: AbuseRow): string[] {
  const broken: string[] = [];
  if (row.healthP99Ms > HEALTH_P99_MAX_MS)
    broken.push(`/health took ${whole(row.healthP99Ms)} ms (p99), more than ${HEALTH_P99_MAX_MS}`);
  if (row.runP50Ms > RUN_SLOWDOWN_MAX * row.aloneP50Ms)
    broken.push(`a quiet run took ${whole(row.runP50Ms)} ms, and ${whole(row.aloneP50Ms)} ms alone`);
  if (row.peakRssBytes > RSS_BYTES_MAX) broken.push(`memory rose to ${whole(row.peakRssBytes / 1024 ** 2)} MB`);
  if (row.failedRuns.length > 0) broken.push(`${row.failedRuns.length} quiet runs failed: ${row.failedRuns[0] ?? ""}`);
  return broken;
}

function whole(value: number): string {
  return Math.round(value).toString();
}
