import { join } from "node:path";
import { ATTACKS } from "./attacks.ts";
import type { Attack } from "./attack.ts";
import { type BystanderFigures, quantile } from "./bystander-figures.ts";
import { LineProcess } from "./line-process.ts";
import { type Services, startServices, startTarget } from "./target.ts";

/** What one attack, or all of them at once, did to a gateway and to its quiet tenant. */
export interface AbuseRow {
  readonly name: string;
  /** Times of `/health`, in milliseconds. */
  readonly healthP95Ms: number;
  readonly healthP99Ms: number;
  readonly healthMaxMs: number;
  /** Times of the quiet tenant's runs, in milliseconds: before the attack and during it. */
  readonly aloneP50Ms: number;
  readonly runP50Ms: number;
  readonly runMaxMs: number;
  readonly runs: number;
  readonly failedRuns: readonly string[];
  readonly peakRssBytes: number;
}

export interface AbuseOptions {
  /** How long each attack lasts, in milliseconds. */
  readonly attackMs: number;
  /** Names of the attacks; all of them if empty. */
  readonly only: readonly string[];
  /** Whether each chosen attack is played by itself, and whether all of them are played at once at the end. */
  readonly alone: boolean;
  readonly together: boolean;
  readonly say: (row: AbuseRow) => void;
}

const ALONE_MS = 3000;
/** How many times as long all attacks at once last. Of the few probes of one attack, the p99 is nearly the worst. */
const TOGETHER_TIMES = 4;
/** Postgres starts a process for each new connection. */
const WEIGH_EVERY_MS = 250;

/** Plays each attack on a gateway of its own, and then all of them at once on another one. */
export async function measureAbuse(options: AbuseOptions): Promise<readonly AbuseRow[]> {
  const { attackMs, only, alone, together, say } = options;
  const chosen = ATTACKS.filter(({ name }) => only.length === 0 || only.includes(name));
  const services = await startServices();
  const rows: AbuseRow[] = [];
  try {
    const plays = alone ? chosen.map((attack) => ({ name: attack.name, attacks: [attack], lastsMs: attackMs })) : [];
    const all = { name: "all of them at once", attacks: chosen, lastsMs: TOGETHER_TIMES * attackMs };
    for (const { name, attacks, lastsMs } of together ? [...plays, all] : plays) {
      const row = await play(services, name, attacks, lastsMs);
      rows.push(row);
      say(row);
    }
  } finally {
    await services.remove();
  }
  return rows;
}

async function play(services: Services, name: string, attacks: readonly Attack[], attackMs: number): Promise<AbuseRow> {
  const provider = new LineProcess(near("provider.ts"), []);
  const target = await startTarget(services, await provider.line());
  const bystander = new LineProcess(near("bystander.ts"), [target.url, target.quietKey]);
  let attacker: LineProcess | null = null;
  const weighing = setInterval(() => services.weighPostgres(), WEIGH_EVERY_MS);
  try {
    await bystander.line();
    await pause(ALONE_MS);
    const alone = await figuresOf(bystander);
    target.takePeakRssBytes();
    attacker = new LineProcess(near("attacker.ts"), [target.url, target.hostileKey, ...attacks.map((one) => one.name)]);
    await attacker.line();
    await pause(attackMs);
    const attacked = await figuresOf(bystander);
    return {
      name,
      healthP95Ms: quantile(attacked.health, 0.95),
      healthP99Ms: quantile(attacked.health, 0.99),
      healthMaxMs: quantile(attacked.health, 1),
      aloneP50Ms: quantile(alone.runs, 0.5),
      runP50Ms: quantile(attacked.runs, 0.5),
      runMaxMs: quantile(attacked.runs, 1),
      runs: attacked.runs.length,
      failedRuns: attacked.failedRuns,
      peakRssBytes: target.takePeakRssBytes(),
    };
  } finally {
    clearInterval(weighing);
    await attacker?.end("SIGKILL");
    await bystander.end("SIGKILL");
    await target.remove();
    await provider.end("SIGKILL");
  }
}

async function figuresOf(bystander: LineProcess): Promise<BystanderFigures> {
  bystander.say("figures");
  return JSON.parse(await bystander.line()) as BystanderFigures;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function near(path: string): string {
  return join(import.meta.dirname, path);
}
