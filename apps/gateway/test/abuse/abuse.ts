/**
 * `npm run abuse -- [--seconds N] [--only NAME]… [--alone | --together] [--list]`: one tenant attacks a gateway that
 * it shares with a quiet one. Each attack has a gateway of its own, and at the end all attacks run at once, four times
 * as long. A process beside them asks
 * for `/health` and uses the gateway as the quiet tenant. Exits with 0 only if each bound of `abuse-bounds.ts` was
 * kept.
 */
import { parseArgs } from "node:util";
import { ABUSE_BOUNDS, brokenBounds } from "./abuse-bounds.ts";
import { ATTACKS } from "./attacks.ts";
import { type AbuseRow, measureAbuse } from "./measure-abuse.ts";

const SECONDS_DEFAULT = 8;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: String(SECONDS_DEFAULT) },
    only: { type: "string", multiple: true, default: [] },
    list: { type: "boolean", default: false },
    alone: { type: "boolean", default: false },
    together: { type: "boolean", default: false },
  },
});
if (values.list) {
  for (const { name, does } of ATTACKS) console.log(`${name}: ${does}`);
  process.exit(0);
}
const unknown = values.only.find((name) => ATTACKS.every((attack) => attack.name !== name));
if (unknown !== undefined || !/^[1-9]\d{0,3}$/.test(values.seconds)) {
  console.error(
    unknown === undefined
      ? `--seconds takes a whole number from 1 to 9999, not '${values.seconds}'.`
      : `There is no attack '${unknown}'; --list prints their names.`,
  );
  process.exit(2);
}

console.log("| attack | /health p99 ms | max ms | quiet run p50 ms | alone ms | max ms | runs | failed | memory MB |");
console.log("|---|---|---|---|---|---|---|---|---|");
const rows = await measureAbuse({
  attackMs: Number(values.seconds) * 1000,
  only: values.only,
  alone: !values.together,
  together: !values.alone,
  say: (row) => console.log(lineOf(row)),
});
const broken = rows.flatMap((row) => brokenBounds(row, ABUSE_BOUNDS).map((what) => `${row.name}: ${what}`));
console.log(broken.length === 0 ? "\nEvery bound was kept." : `\nBroken:\n${broken.join("\n")}`);
process.exit(broken.length === 0 ? 0 : 1);

function lineOf(row: AbuseRow): string {
  const cells = [
    row.name,
    ...[row.healthP99Ms, row.healthMaxMs, row.runP50Ms, row.aloneP50Ms, row.runMaxMs].map(whole),
    String(row.runs),
    String(row.failedRuns.length),
    whole(row.peakRssBytes / 1024 ** 2),
  ];
  return `| ${cells.join(" | ")} |`;
}

function whole(value: number): string {
  return Math.round(value).toString();
}
