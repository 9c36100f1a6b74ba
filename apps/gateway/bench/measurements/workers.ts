import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "../quantile.ts";
import { hsafa, pushAgent } from "../subjects.ts";
import type { System } from "../system.ts";
import type { Measurement } from "./measurement.ts";
import { onSystems } from "./on-systems.ts";

const TOKENS = 500;
const MODEL = `${TOKENS}x20`;
/** Streams begin one after another: what is measured is how many go on beside each other, not their starts. */
const START_EVERY_MS = 40;
const FEWEST = 20;
/** So many show what one costs. */
const MEASURED = 40;
const STEP = 1.25;
const MOST = 600;
/** So many times the p99 of the fewest streams is too late. Once may be another program's fault. */
const LATE = 2;
const TRIES = 2;
const AIM = 1.7;

/** How many paced streams one and two workers serve on the cores of this machine, which the rest shares as well. */
export const workers: Measurement = {
  name: "workers",
  does: "how many paced streams one and two workers serve (only with --only, for ten minutes)",
  isLong: true,
  measure: onSystems(async ({ gateway, startGateway, key }) => {
    // It would take runs from those that are measured.
    await gateway.stop();
    const served: number[] = [];
    let cost: Cost | null = null;
    const rows: string[][] = [];
    for (const count of [1, 2]) {
      const system = await startGateway({ HSAFA_WORKERS: String(count) });
      await pushAgent(system.url, key, MODEL);
      cost ??= await costOf(system, key);
      const { streams, p99Ms } = await mostStreams(system, key);
      rows.push([String(count), String(streams), p99Ms.toFixed(0)]);
      served.push(streams);
      await system.stop();
    }
    const [one = Number.NaN, two = Number.NaN] = served;
    return [
      {
        title: "paced streams before their p99 doubles, 50 tokens/s each",
        table: [["workers", "streams", "p99 ms"], ...rows],
        ratios: [
          {
            what: "one worker: streams of two, if nothing but the processors of this machine limits them",
            value: cost === null ? Number.NaN : (cpus().length * cost.gatewayMs) / cost.machineMs,
            unit: "x",
            aim: null,
          },
          { what: "one worker: streams of two", value: two / one, unit: "x", aim: { kind: "at least", value: AIM } },
        ],
      },
    ];
  }),
};

/** CPU time that the same streams took. */
interface Cost {
  readonly gatewayMs: number;
  /** The model, the watchers, Postgres, Redis and the gateway. */
  readonly machineMs: number;
}

/** What streams cost through one worker. It has one processor at most, and the machine as many as it has. */
async function costOf(system: System, key: string): Promise<Cost> {
  await p99Of(system, key, MEASURED); // Warms it up.
  const [gateway, machine] = [await system.cpuSeconds(), machineMs()];
  await p99Of(system, key, MEASURED);
  return { gatewayMs: (await system.cpuSeconds()) * 1000 - gateway * 1000, machineMs: machineMs() - machine };
}

/** CPU time of all processors so far. */
function machineMs(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
}

interface Served {
  readonly streams: number;
  readonly p99Ms: number;
}

async function mostStreams(system: System, key: string): Promise<Served> {
  await p99Of(system, key, FEWEST); // Warms it up.
  const least = await p99Of(system, key, FEWEST);
  let most: Served = { streams: FEWEST, p99Ms: least };
  for (let streams = FEWEST * STEP; streams < MOST; streams *= STEP) {
    let p99Ms = await p99Of(system, key, Math.round(streams));
    for (let nth = 1; nth < TRIES && p99Ms > LATE * least; nth += 1)
      p99Ms = await p99Of(system, key, Math.round(streams));
    if (p99Ms > LATE * least) break;
    most = { streams: Math.round(streams), p99Ms };
  }
  return most;
}

async function p99Of(system: System, key: string, streams: number): Promise<number> {
  const subject = hsafa(system.url, key);
  const reading = [];
  for (let nth = 0; nth < streams; nth += 1) {
    reading.push(subject.follow(MODEL));
    await sleep(START_EVERY_MS);
  }
  const readers = await Promise.all(reading);
  return quantile(
    readers.flatMap(({ latenciesMs }) => latenciesMs),
    0.99,
  );
}
