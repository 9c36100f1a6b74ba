import type { Held } from "../support/measured-process.ts";
import type { DoorTally } from "./play-doors.ts";

/**
 * What a gateway may hold more after the inputs than after the first tenth of them. Its caches have bounds of their
 * own, and are not full by then.
 */
export const HEAP_GROWTH_BYTES_MAX = 64 * 1024 ** 2;

const MIB = 1024 ** 2;

/** How much more is held outside of the collector's reach, in bytes. */
export function heapGrowthBytes(before: Held, after: Held): number {
  const of = ({ heapUsed, external }: Held): number => heapUsed + external;
  return of(after) - of(before);
}

/** A table with a row for each door. */
export function tableOf(
  tallies: readonly DoorTally[],
  { before, after }: { readonly before: Held | null; readonly after: Held | null },
): string {
  const lines = ["| door | inputs | faults | statuses |", "|---|---|---|---|"];
  let [all, faults] = [0, 0];
  for (const name of new Set(tallies.map((one) => one.name))) {
    const statuses = new Map<string, number>();
    let [inputs, faultCount] = [0, 0];
    for (const one of tallies.filter((tally) => tally.name === name)) {
      inputs += one.inputs;
      faultCount += one.faultCount;
      for (const [status, count] of one.statuses) statuses.set(status, (statuses.get(status) ?? 0) + count);
    }
    const told = [...statuses]
      .toSorted(([, one], [, other]) => other - one)
      .map(([status, count]) => `${status}: ${count}`);
    lines.push(`| ${name} | ${inputs} | ${faultCount} | ${told.join(", ")} |`);
    all += inputs;
    faults += faultCount;
  }
  lines.push(`| all | ${all} | ${faults} | |`, "");
  lines.push("| held after a collection | heap MiB | external MiB | resident MiB | handles |", "|---|---|---|---|---|");
  for (const [when, held] of [
    ["before", before],
    ["after", after],
  ] as const) {
    if (held === null) continue;
    const sizes = [held.heapUsed, held.external, held.rss].map((bytes) => (bytes / MIB).toFixed(1));
    lines.push(`| ${when} | ${sizes.join(" | ")} | ${held.handles} |`);
  }
  return lines.join("\n");
}
