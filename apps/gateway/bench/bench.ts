/**
 * `npm run bench -- [--only NAME]… [--list] [--runs N] [--save]` measures what a user of a gateway waits for, and what
 * it costs. hsafa is compared with what one would build without it. One way is the AI SDK's `streamText` piped into an
 * HTTP response, with nothing kept. The other one puts `resumable-stream` in between. They take turns in one run on one
 * machine. So the ratios hold elsewhere, unlike absolute figures. `--runs`: beside so many runs lists are read.
 * `--save` writes the figures to `docs/benchmark.md`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { devices } from "./measurements/devices.ts";
import { firstToken } from "./measurements/first-token.ts";
import { leases } from "./measurements/leases.ts";
import { lists } from "./measurements/lists.ts";
import type { Measurement } from "./measurements/measurement.ts";
import { replay } from "./measurements/replay.ts";
import { resume } from "./measurements/resume.ts";
import { tokenAge } from "./measurements/token-age.ts";
import { toolRoundTrip } from "./measurements/tool-round-trip.ts";
import { watchers } from "./measurements/watchers.ts";
import { workers } from "./measurements/workers.ts";
import { ratiosText, type Report, reportText } from "./report.ts";

const MEASUREMENTS: readonly Measurement[] = [
  firstToken,
  toolRoundTrip,
  tokenAge,
  resume,
  replay,
  watchers,
  devices,
  lists,
  leases,
  workers,
];
const PAGE = fileURLToPath(new URL("../../../docs/benchmark.md", import.meta.url));
/** What is between these lines of the page is replaced. */
const [BEGIN, END] = ["<!-- figures of npm run bench -->", "<!-- end of the figures -->"];

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    runs: { type: "string", default: "100000" },
    save: { type: "boolean", default: false },
  },
});
if (values.list) {
  for (const { name, does } of MEASUREMENTS) console.log(`${name}: ${does}`);
  process.exit(0);
}
const unknown = values.only.find((name) => MEASUREMENTS.every((measurement) => measurement.name !== name));
if (unknown !== undefined) {
  console.error(`There is no measurement '${unknown}'; --list prints their names.`);
  process.exit(2);
}
if (values.save && values.only.length > 0) {
  console.error("--save keeps the figures of all measurements; leave --only out.");
  process.exit(2);
}

const chosen = MEASUREMENTS.filter(({ name, isLong = false }) =>
  values.only.length === 0 ? !isLong : values.only.includes(name),
);
const sizes = { listedRuns: Number(values.runs) };
const reports: Report[] = [];
for (const measurement of chosen) {
  const found = await measurement.measure(sizes);
  for (const report of found) console.log(`${reportText(report)}\n`);
  reports.push(...found);
}
const ratios = `### Ratios\n\n${ratiosText(reports)}`;
console.log(ratios);
if (values.save) await save([ratios, ...reports.map(reportText)].join("\n\n"));
process.exit(0);

async function save(figures: string): Promise<void> {
  const page = await readFile(PAGE, "utf8");
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`${PAGE} has no place for figures: ${BEGIN} … ${END}`);
  const date = new Date().toISOString().slice(0, 10);
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "CPU"}`;
  const head = `Measured on ${date} with Node ${process.version} on ${machine}.`;
  await writeFile(PAGE, `${before}${BEGIN}\n\n${head}\n\n${figures}\n\n${END}${after}`);
}
