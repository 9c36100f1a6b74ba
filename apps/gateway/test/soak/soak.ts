/**
 * `npm run soak -- [--minutes N] [--fleet] [--rate N] [--seed N] [--leak BYTES]`: plays a mixed load on a gateway that
 * keeps everything itself, or on two gateways on Postgres and Redis, and measures what they hold. Exits with 0 only if
 * all of it was flat by the rule of `flat-verdict.ts` and every turn did what it must. `--leak` plants a leak: so many
 * bytes stay for each request.
 */
import { parseArgs } from "node:util";
import { runSoak } from "./run-soak.ts";
import { sampleHead, sampleLine, soakTable } from "./soak-table.ts";
import { TURNS } from "./turns.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    fleet: { type: "boolean", default: false },
    rate: { type: "string", default: "2" },
    seed: { type: "string", default: "1" },
    leak: { type: "string", default: "0" },
  },
});
const [minutes, rate] = [Number(values.minutes), Number(values.rate)];
const [seed, leak] = [Number(values.seed), Number(values.leak)];
if (!(minutes > 0) || !(rate > 0) || !Number.isSafeInteger(seed) || !Number.isSafeInteger(leak)) {
  console.error("--minutes and --rate take a number above 0, --seed and --leak a whole number.");
  process.exit(2);
}
const MINUTE_MS = 60_000;
/** A short soak is measured more often, so that there are samples enough. */
const SAMPLES_LEAST = 12;
const SETTLE_MS = 2000;

const durationMs = minutes * MINUTE_MS;
const sampleEveryMs = Math.min(MINUTE_MS, durationMs / SAMPLES_LEAST);
let isFirst = true;
const report = await runSoak({
  durationMs,
  sampleEveryMs,
  settleMs: Math.min(SETTLE_MS, sampleEveryMs / 2),
  turns: TURNS,
  turnsPerSecond: rate,
  seed,
  isFleet: values.fleet,
  leakBytes: leak,
  say(sample) {
    if (isFirst) console.log(sampleHead(sample));
    isFirst = false;
    console.log(sampleLine(sample));
  },
});
console.log(`\n${soakTable(report)}\n`);
const isGood = report.verdict.isFlat && report.tally.failureCount === 0 && report.ended === null;
console.log(isGood ? "flat" : report.verdict.isFlat ? "FLAT, BUT NOT ALL WENT WELL" : "NOT FLAT");
process.exit(isGood ? 0 : 1);
