/**
 * `npm run chaos -- [scenario] [--runs N] [--faults N] [--seed S] [--lease-ms L] [--seconds T] [--width W]
 * [--fault-every-ms M] [--only KIND]`: plays a scenario with real processes and real faults, and counts what was lost.
 * Exits with 0 only if nothing was.
 */
import { parseArgs } from "node:util";
import { cancels } from "./cancels.ts";
import { failOver } from "./fail-over.ts";
import { failpointDeaths } from "./failpoint-deaths.ts";
import { poison } from "./poison.ts";
import type { Scenario, ScenarioOptions } from "./scenario.ts";
import * as scenarios from "./scenarios.ts";

const byName: Readonly<Record<string, { readonly scenario: Scenario; readonly defaults: Partial<ScenarioOptions> }>> = {
  random: { scenario: scenarios.random, defaults: { leaseMs: 1500 } },
  "kill-one-of-three": { scenario: scenarios.killOneOfThree, defaults: { width: 200 } },
  "hand-over": { scenario: scenarios.handOver, defaults: { width: 40, faults: 9 } },
  freezes: { scenario: scenarios.freezes, defaults: { width: 30, faults: 50, leaseMs: 1500 } },
  failpoints: {
    scenario: failpointDeaths,
    defaults: { width: 12, leaseMs: 1000, faults: Number.POSITIVE_INFINITY },
  },
  "redis-away": { scenario: scenarios.redisAway, defaults: { width: 30, seconds: 60 } },
  "redis-hangs": { scenario: scenarios.redisHangs, defaults: { width: 30, seconds: 60 } },
  "fail-over": { scenario: failOver, defaults: { width: 30, faults: 10 } },
  poison: { scenario: poison, defaults: { width: 30 } },
  cancels: { scenario: cancels, defaults: { width: 20, faults: 3 } },
};

const number = { type: "string" } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: number,
    width: number,
    faults: number,
    "fault-every-ms": number,
    only: { type: "string", default: "" },
    seed: number,
    "lease-ms": number,
    seconds: number,
    quiet: { type: "boolean", default: false },
  },
});
const [name = "random"] = positionals;
const chosen = byName[name];
if (chosen === undefined) {
  process.stderr.write(`There is no scenario '${name}'; there are: ${Object.keys(byName).join(", ")}.\n`);
  process.exit(2);
}

const startedAt = performance.now();
const say = (what: string): void => {
  if (!values.quiet)
    process.stdout.write(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)}  ${what}\n`);
};
function numberOf(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) {
    process.stderr.write(`'${text}' is no whole number.\n`);
    process.exit(2);
  }
  return Number(text);
}

const options: ScenarioOptions = {
  seed: numberOf(values.seed, Math.floor(Math.random() * 1e9)),
  runs: numberOf(values.runs, 0),
  width: numberOf(values.width, chosen.defaults.width ?? 30),
  faults: numberOf(values.faults, chosen.defaults.faults ?? 30),
  faultEveryMs: numberOf(values["fault-every-ms"], 1500),
  only: values.only,
  leaseMs: numberOf(values["lease-ms"], chosen.defaults.leaseMs ?? 6000),
  seconds: numberOf(values.seconds, chosen.defaults.seconds ?? 24 * 3600),
  say,
};

const { figures, losses } = await chosen.scenario(options);
process.stdout.write(`\n${name}, seed ${options.seed}, lease ${options.leaseMs} ms, ${options.width} runs in flight\n`);
for (const [what, value] of figures) process.stdout.write(`  ${what.padEnd(34)} ${value}\n`);
process.stdout.write(`  ${"losses".padEnd(34)} ${losses.length}\n`);
for (const loss of losses.slice(0, 40)) process.stdout.write(`    ${loss}\n`);
if (losses.length > 0) {
  process.stdout.write(`replay: npm run chaos -- ${replayArguments().join(" ")}\n`);
  process.exitCode = 1;
}

function replayArguments(): string[] {
  const given = Object.entries({ ...values, seed: String(options.seed) });
  return [
    name,
    ...given.flatMap(([flag, value]) =>
      typeof value === "string" && value !== "" ? [`--${flag}`, JSON.stringify(value)] : [],
    ),
  ];
}
