import type { Sample } from "./flat-verdict.ts";
import type { SoakReport } from "./run-soak.ts";

const MIB = 1024 ** 2;
const MINUTE_MS = 60_000;

/** One line of a table with all samples. */
export function sampleLine({ atMs, values }: Sample): string {
  const cells = Object.entries(values).map(([series, value]) => shown(series, value));
  return `| ${(atMs / MINUTE_MS).toFixed(1)} | ${cells.join(" | ")} |`;
}

/** The head of that table. */
export function sampleHead({ values }: Sample): string {
  const names = Object.keys(values).map((series) => series.replace("Bytes", " MiB"));
  return `| minute | ${names.join(" | ")} |\n|${"---|".repeat(names.length + 1)}`;
}

/** A table with the trend of each series, and what the load was. */
export function soakTable({ samples, verdict, tally, coreShare, ended }: SoakReport): string {
  const lines = ["| what is held | first | last | trend | in an hour | bound | |", "|---|---|---|---|---|---|---|"];
  for (const { series, rise, risePerHour, bound, isFlat } of verdict.trends) {
    const counted = samples.slice(-verdict.counted);
    const [first, last] = [counted[0]?.values[series], counted.at(-1)?.values[series]];
    const cells = [first ?? Number.NaN, last ?? Number.NaN, rise, risePerHour, bound];
    const name = series.replace("Bytes", " MiB");
    lines.push(`| ${[name, ...cells.map((value) => shown(series, value)), isFlat ? "flat" : "RISES"].join(" | ")} |`);
  }
  const turns = [...tally.turns].toSorted(([, one], [, other]) => other - one);
  const played = turns.reduce((sum, [, count]) => sum + count, 0);
  lines.push("", `${samples.length} samples, of which ${verdict.counted} count. ${played} turns, of which`);
  lines.push(
    `${tally.failureCount} failed and ${tally.skipped} were skipped, at ${(coreShare * 100).toFixed(0)} % of a core.`,
  );
  lines.push("", "| turns | played |", "|---|---|", ...turns.map(([name, count]) => `| ${name} | ${count} |`));
  if (tally.failures.length > 0) lines.push("", "Failed turns:", ...tally.failures);
  if (ended !== null) lines.push("", `A gateway ended: ${ended}`);
  return lines.join("\n");
}

function shown(series: string, value: number): string {
  return series.includes("Bytes") ? (value / MIB).toFixed(1) : value.toFixed(Number.isInteger(value) ? 0 : 1);
}
