import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { quantile } from "../quantile.ts";
import { hsafa, pushAgent } from "../subjects.ts";
import type { Report } from "../report.ts";
import type { System } from "../system.ts";
import type { Measurement } from "./measurement.ts";
import { onSystems } from "./on-systems.ts";

const TOKENS = 500;
const MODEL = `${TOKENS}x20`;
/** Streams begin one after another: what is measured is how many go on beside each other, not their starts. */
const START_EVERY_MS = 40;
const FEWEST = 20;
/** How many workers are compared. */
const COUNTS = [1, 2] as const;
/** So many of each worker show what one costs. A machine changes its pace, so workers take turns. */
const MEASURED = 40;
const TURNS = 3;
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
    const start = (count: number): Promise<System> => startGateway({ HSAFA_WORKERS: String(count) });
    const systems = await Promise.all(COUNTS.map(start));
    await pushAgent(systems[0]?.url ?? "", key, MODEL);
    const costs = await costsInTurn(systems, key);
    for (const system of systems) await system.stop();
    const served: Served[] = [];
    for (const count of COUNTS) {
      const system = await start(count);
      served.push(await mostStreams(system, key));
      await system.stop();
    }
    return [reportOf(served, costs)];
  }),
};

/** Of one worker and of two. */
function reportOf(served: readonly Served[], costs: readonly Cost[]): Report {
  const [one, two] = served as [Served, Served];
  const [costOfOne, costOfTwo] = costs as [Cost, Cost];
  const row = ({ streams, p99Ms }: Served, index: number): string[] => [
    String(COUNTS[index]),
    String(streams),
    p99Ms.toFixed(0),
    (((costs[index]?.gatewayMs ?? Number.NaN) / (TURNS * MEASURED * (COUNTS[index] ?? 1) * TOKENS)) * 1000).toFixed(0),
  ];
  return {
    title: "paced streams before their p99 doubles, 50 tokens/s each",
    table: [["workers", "streams", "p99 ms", `CPU µs of a token, ${MEASURED} streams each`], ...served.map(row)],
    ratios: [
      {
        what: "one worker: streams of two, if nothing but the processors of this machine limits them",
        value: (cpus().length * costOfOne.gatewayMs) / costOfOne.machineMs,
        unit: "x",
        aim: null,
      },
      {
        what: "one worker: streams of two by the CPU time of both, if processors are to spare",
        // Two served twice as many.
        value: (2 * 2 * costOfOne.gatewayMs) / costOfTwo.gatewayMs,
        unit: "x",
        aim: null,
      },
      {
        what: "one worker: streams of two",
        value: two.streams / one.streams,
        unit: "x",
        aim: { kind: "at least", value: AIM },
      },
    ],
  };
}

/** CPU time that streams took. */
interface Cost {
  readonly gatewayMs: number;
  /** The model, the watchers, Postgres, Redis and the gateway. */
  readonly machineMs: number;
}

/** What streams cost, so many of each worker. One worker has one processor at most, and the machine all of them. */
async function costsInTurn(systems: readonly System[], key: string): Promise<Cost[]> {
  const costs = systems.map(() => ({ gatewayMs: 0, machineMs: 0 }));
  for (let turn = -1; turn < TURNS; turn += 1) {
    for (const [index, system] of systems.entries()) {
      const [gateway, machine] = [system.cpuSeconds(), machineMs()];
      await p99Of(system, key, MEASURED * (COUNTS[index] ?? 1));
      const cost = costs[index];
      if (turn < 0 || cost === undefined) continue; // The first turn warms them up.
      cost.gatewayMs += (system.cpuSeconds() - gateway) * 1000;
      cost.machineMs += machineMs() - machine;
    }
  }
  return costs;
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
