import { setTimeout as sleep } from "node:timers/promises";
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import { seededRandom } from "../support/seeded-random.ts";
import { type FlatVerdict, flatVerdict, type Sample } from "./flat-verdict.ts";
import { soakBounds, soakSample } from "./soak-bounds.ts";
import { createSoakLoad, type LoadTally } from "./soak-load.ts";
import { startSoakTarget } from "./soak-target.ts";
import { openSoakWorld } from "./soak-world.ts";
import type { Turn } from "./turn.ts";

export interface SoakOptions {
  readonly durationMs: number;
  /** From one sample to the next, in milliseconds, without the time that the last turns take. */
  readonly sampleEveryMs: number;
  /** How long nothing happens before a sample, in milliseconds: what was closed ends meanwhile. */
  readonly settleMs: number;
  readonly turns: readonly Turn[];
  readonly turnsPerSecond: number;
  readonly seed: number;
  /** Two gateways on Postgres and Redis in place of one that keeps everything itself. */
  readonly isFleet: boolean;
  /** A leak to plant: so many bytes stay for each request. */
  readonly leakBytes: number;
  /** Called with each sample. */
  readonly say: (sample: Sample) => void;
}

export interface SoakReport {
  readonly samples: readonly Sample[];
  readonly verdict: FlatVerdict;
  readonly tally: LoadTally;
  /** Processor time of all gateways, as a share of one core. */
  readonly coreShare: number;
  /** How a gateway ended, and what the gateways wrote to their logs at the end; null if all live. */
  readonly ended: string | null;
}

/** Plays the load for a time, and measures at a steady pace what is held while nothing happens. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const target = await startSoakTarget(options);
  const connections = keptConnections();
  try {
    const world = await openSoakWorld(target, seededRandom(options.seed));
    const load = createSoakLoad({ world, turns: options.turns, turnsPerSecond: options.turnsPerSecond });
    await load.warmUp();
    const cpuMs = async (): Promise<number> =>
      (await target.measure()).gateways.reduce((sum, gateway) => sum + gateway.cpuMs, 0);
    const [since, cpuBefore] = [performance.now(), await cpuMs()];
    const samples: Sample[] = [];
    const count = Math.floor(options.durationMs / options.sampleEveryMs);
    for (let number = 1; number <= count && target.ended() === null; number += 1) {
      load.resume();
      // Not until a time of day: turns that took long would leave the next ones none.
      await sleep(options.sampleEveryMs - options.settleMs);
      await load.pause();
      await connections.replace();
      await sleep(options.settleMs);
      const sample = soakSample(performance.now() - since, await target.measure());
      samples.push(sample);
      options.say(sample);
    }
    const ended = target.ended();
    const coreShare = ended === null ? ((await cpuMs()) - cpuBefore) / (performance.now() - since) : Number.NaN;
    world.close();
    return {
      samples,
      verdict: flatVerdict(samples, soakBounds(target.urls.length, options.isFleet)),
      tally: load.tally,
      coreShare,
      ended: ended === null ? null : `${ended}\n${target.log().slice(-4000)}`,
    };
  } finally {
    await connections.restore();
    await target.remove();
  }
}

/**
 * The connections that `fetch` keeps for later requests. Their number is that of the most requests at once so far. So
 * it would rise with every peak, and hide what a gateway fails to close.
 */
function keptConnections() {
  const former = getGlobalDispatcher();
  let current = new Agent();
  setGlobalDispatcher(current);
  return {
    /** Closes them all, and opens others for later requests. */
    async replace(): Promise<void> {
      const used = current;
      current = new Agent();
      setGlobalDispatcher(current);
      await used.close();
    },
    async restore(): Promise<void> {
      setGlobalDispatcher(former);
      await current.close();
    },
  };
}
