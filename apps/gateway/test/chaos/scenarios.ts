import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../support/seeded-random.ts";
import { mixedRun, type RunScript, speakingRun } from "./agent.ts";
import { experiment, type Findings } from "./experiment.ts";
import { FAILPOINTS } from "./failpoints.ts";
import { freezeGateway, freezeRedis, type Journal, killGateway, restartGateway, stopRedis } from "./faults.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import { type Load, startLoad } from "./load.ts";
import { costsOf, figures, lagsOf, quantile } from "./report.ts";
import { performSchedule } from "./schedule.ts";
import type { Link } from "./link.ts";
import type { Stage } from "./stage.ts";
import { listed } from "./tally.ts";
import { dealThreads } from "./thread-places.ts";

/** What can be asked for; each scenario takes what it needs. */
export interface ScenarioOptions {
  readonly seed: number;
  /** At least. */
  readonly runs: number;
  /** In flight at once. */
  readonly width: number;
  readonly faults: number;
  readonly faultEveryMs: number;
  /** Of all kinds of faults those whose names contain this; empty: all of them. */
  readonly only: string;
  readonly leaseMs: number;
  /** Of the part with faults. */
  readonly seconds: number;
  readonly say: (what: string) => void;
}

export type Scenario = (options: ScenarioOptions) => Promise<Findings>;

export const FLEET = { gateways: 3, watchWorkers: 2, deviceWorkers: 2, devicesPerWorker: 4, workMaxMs: 300 };
/** A pace a person reads at. */
const EVERY_MS = 25;

const RUNS_POLL_MS = 200;

/** Seeded faults of all kinds, while runs of all kinds come and go. */
export const random: Scenario = (options) => {
  const { seed, runs, width, faults, faultEveryMs, only, leaseMs, seconds, say } = options;
  return experiment({
    ...FLEET,
    leaseMs,
    say,
    // As many as come by while there are faults, and then until there have been enough.
    startLoad: (stage) => mixedLoad(stage, { seed, width, runs: Number.POSITIVE_INFINITY }),
    async act({ stage, load, journal }) {
      const counts = await performSchedule({
        stage,
        journal,
        random: seededRandom(seed),
        leaseMs,
        only,
        faultsMax: faults,
        everyMs: faultEveryMs,
        until: AbortSignal.timeout(seconds * 1000),
        onFault: (name) => say(`${name} (${load.ended.length} runs ended)`),
      });
      while (load.started < runs) await sleep(RUNS_POLL_MS);
      load.stop();
      const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
      return { figures: [["faults", `${total}: ${listed(Object.fromEntries(counts))}`]] };
    },
    async measure(stage, journal) {
      return { figures: [["behind while Redis was away", figures(await lagsOf(stage, journal.redisAway))]] };
    },
  });
};

/** Done when: the next event comes within this time after kill -9, at the default lease. */
const RECOVERY_P99_MAX_MS = 10_000;

/** kill -9 of one of three gateways while every run streams. */
export const killOneOfThree: Scenario = ({ seed, width, leaseMs, say }) =>
  experiment({
    ...FLEET,
    leaseMs,
    say,
    startLoad: (stage) => speakingLoad(stage, { seed, width, runs: width, words: 20, steps: 5, everyMs: 250 }),
    async act({ stage, load, journal }) {
      await everyRunSpeaks(stage, load, width);
      await killGateway(stage, journal, await busiest(stage), { awayMs: 2000 });
      return {};
    },
    async measure(stage, journal) {
      const { nextEvent } = await costsOf(stage, journal.interruptions, "kill");
      return { broken: above("kill to next event p99", quantile(nextEvent, 0.99), RECOVERY_P99_MAX_MS) };
    },
  });

/** Done when: from the release of a lease to the run's next event. */
const HANDOVER_P99_MAX_MS = 1000;

/** A rolling restart of the whole fleet, again and again, while every run streams. */
export const handOver: Scenario = ({ seed, width, faults, leaseMs, say }) =>
  experiment({
    ...FLEET,
    leaseMs,
    say,
    startLoad: (stage) =>
      speakingLoad(stage, { seed, width, runs: Number.POSITIVE_INFINITY, words: 60, steps: 4, everyMs: 50 }),
    async act({ stage, load, journal }) {
      await everyRunSpeaks(stage, load, width);
      for (let round = 0; round < faults; round += 1) {
        say(`restart ${round + 1}`);
        await restartGateway(stage, journal, gatewayOf(stage, round));
        await sleep(leaseMs / 4);
      }
      load.stop();
      return {};
    },
    async measure(stage, journal) {
      const { takenUp } = await costsOf(stage, journal.interruptions, "handover");
      return { broken: above("release to next event p99", quantile(takenUp, 0.99), HANDOVER_P99_MAX_MS) };
    },
  });

/** SIGSTOP for longer than a lease, then SIGCONT, while runs of all kinds go on. */
export const freezes: Scenario = ({ seed, width, faults, leaseMs, say }) =>
  experiment({
    ...FLEET,
    leaseMs,
    say,
    startLoad: (stage) => mixedLoad(stage, { seed, width, runs: Number.POSITIVE_INFINITY }),
    async act({ stage, load, journal }) {
      const dice = seededRandom(seed);
      for (let round = 0; round < faults; round += 1) {
        say(`freeze ${round + 1}`);
        const frozenMs = leaseMs * (1.1 + 0.6 * dice());
        await freezeGateway(journal, gatewayOf(stage, Math.floor(dice() * 3)), { frozenMs, leaseMs });
        await sleep(300);
      }
      load.stop();
      return {};
    },
  });

/** Done when: with Redis away, watchers are no further behind. */
const AWAY_LAG_P99_MAX_MS = 500;
/** Until a gateway has noticed, its writes to the live log wait for their time-out. */
const AWAY_SETTLE_MS = 1000;

/** Redis is gone for a while under load: nobody listens where it was, and it comes back wiped. */
export const redisAway: Scenario = (options) =>
  withoutRedis(options, "goes away", (stage, journal, awayMs) => stopRedis(stage, journal, { awayMs }));

/** Redis hangs for a while under load: its sockets stay open, and nothing is answered. */
export const redisHangs: Scenario = (options) =>
  withoutRedis(options, "hangs", (stage, journal, frozenMs) => freezeRedis(stage, journal, { frozenMs }));

function withoutRedis(
  { seed, width, leaseMs, seconds, say }: ScenarioOptions,
  what: string,
  takeAway: (stage: Stage, journal: Journal, forMs: number) => Promise<void>,
): Promise<Findings> {
  return experiment({
    ...FLEET,
    leaseMs,
    say,
    startLoad: (stage) => mixedLoad(stage, { seed, width, runs: Number.POSITIVE_INFINITY }),
    async act({ stage, load, journal }) {
      await sleep(10_000);
      say(`Redis ${what} for ${seconds} s`);
      await takeAway(stage, journal, seconds * 1000);
      await sleep(5000);
      load.stop();
      return {};
    },
    async measure(stage, journal) {
      const lags = await lagsOf(stage, journal.redisAway);
      const settled = await lagsOf(
        stage,
        journal.redisAway.map(({ from, until }) => ({ from: from + AWAY_SETTLE_MS, until })),
      );
      const before = await lagsOf(
        stage,
        journal.redisAway.map(({ from }) => ({ from: from - 5000, until: from - 100 })),
      );
      return {
        figures: [
          ["behind before", figures(before)],
          ["behind while Redis was away", figures(lags)],
          [`the same after the first ${AWAY_SETTLE_MS} ms`, figures(settled)],
        ],
        broken: above("behind while Redis was away p99", quantile(lags, 0.99), AWAY_LAG_P99_MAX_MS),
      };
    },
  });
}

/**
 * A gateway dies at each named point in turn, between any two writes, two of them side by side; a third one goes on:
 * were nobody to make progress in between, runs would rightly be given up. `faults`: how many points, of all in a
 * seeded order.
 */
export const failpoints: Scenario = ({ seed, width, faults, leaseMs, say }) =>
  experiment({
    ...FLEET,
    gatewayProgram: join(import.meta.dirname, "failing-main.ts"),
    leaseMs,
    say,
    startLoad: (stage) => mixedLoad(stage, { seed, width, runs: Number.POSITIVE_INFINITY, words: 6 }),
    async act({ stage, load }) {
      const points = shuffled(FAILPOINTS, seededRandom(seed)).slice(0, faults);
      const broken: string[] = [];
      const left = [...points];
      const dying = [gatewayOf(stage, 0), gatewayOf(stage, 1)];
      const survivor = gatewayOf(stage, 2);
      // Devices and callers are kept from the one that goes on, or nothing of theirs would pass where somebody is to
      // die.
      const doors = [stage.links.devices, stage.links.callers];
      for (const door of doors) door.set(survivor.index, { kind: "cut" });
      const bounce = (door: Link, except: GatewayProcess): void => {
        for (const { index } of stage.gateways) {
          if (index === except.index || (index === survivor.index && door !== stage.links.watchers)) continue;
          door.set(index, { kind: "cut" });
          door.set(index, { kind: "pass" });
        }
      };
      const dieAgainAndAgain = async (gateway: GatewayProcess): Promise<void> => {
        for (let point = left.shift(); point !== undefined; point = left.shift()) {
          gateway.signal("SIGKILL");
          await gateway.ended();
          await gateway.start({ HSAFA_FAILPOINT: point });
          // Whoever went elsewhere meanwhile comes back, to any: sockets stay where they are as long as they can.
          for (const door of [...doors, stage.links.watchers]) bounce(door, gateway);
          if (!(await endsWithin(gateway, FAILPOINT_MAX_MS)))
            broken.push(`no gateway died ${point}: nothing came by there`);
          say(`died ${point}`);
        }
        gateway.signal("SIGKILL");
        await gateway.ended();
        await gateway.start();
      };
      await Promise.all(dying.map(dieAgainAndAgain));
      for (const door of doors) door.set(survivor.index, { kind: "pass" });
      load.stop();
      return {
        figures: [["points at which a gateway died", `${points.length - broken.length} of ${points.length}`]],
        broken,
      };
    },
  });

/** How long the load may take to come by a point. */
const FAILPOINT_MAX_MS = 30_000;

async function endsWithin(gateway: GatewayProcess, limitMs: number): Promise<boolean> {
  const limit = Promise.withResolvers<false>();
  const timer = setTimeout(() => limit.resolve(false), limitMs);
  const hasEnded = await Promise.race([gateway.ended().then(() => true), limit.promise]);
  clearTimeout(timer);
  return hasEnded;
}

function shuffled<T>(list: readonly T[], dice: () => number): T[] {
  return list
    .map((item) => ({ item, at: dice() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function above(what: string, value: number, max: number): string[] {
  return value > max ? [`${what} is ${Math.round(value)} ms, and must not exceed ${max} ms`] : [];
}

/** The latest that a second watcher joins, and that something is said to a run. */
const JOIN_WITHIN_MS = 2000;
/** Of the runs, how many belong to a thread. */
const THREAD_SHARE = 0.25;

/** `words`: of one step, at most. */
export function mixedLoad(stage: Stage, params: { seed: number; width: number; runs: number; words?: number }): Load {
  const dice = seededRandom(params.seed + 1);
  const deviceKeys = stage.deviceWorkers.flatMap((worker) => worker.deviceKeys);
  const dealThread = dealThreads(dice, THREAD_SHARE);
  return startLoad({
    stage,
    random: dice,
    width: params.width,
    runsMax: params.runs,
    joinWithinMs: JOIN_WITHIN_MS,
    cancelShare: 0.05,
    bySocket: true,
    script: (index): RunScript =>
      mixedRun({
        random: dice,
        name: `task ${index}`,
        everyMs: EVERY_MS,
        words: params.words ?? 60,
        deviceKeys,
        threadKey: dealThread(),
        joinWithinMs: JOIN_WITHIN_MS,
      }),
  });
}

export function speakingLoad(
  stage: Stage,
  params: { seed: number; width: number; runs: number; words: number; steps: number; everyMs: number },
): Load {
  const deviceKeys = stage.deviceWorkers.flatMap((worker) => worker.deviceKeys);
  return startLoad({
    stage,
    random: seededRandom(params.seed + 1),
    width: params.width,
    runsMax: params.runs,
    joinWithinMs: JOIN_WITHIN_MS,
    cancelShare: 0,
    bySocket: false,
    // Hundreds of runs that each say forty words a second would measure the machine.
    script: (index) =>
      speakingRun({
        name: `task ${index}`,
        everyMs: params.everyMs,
        words: params.words,
        steps: params.steps,
        deviceKey: deviceKeys[index % deviceKeys.length] ?? "none",
      }),
  });
}

const SPEAK_POLL_MS = 200;

/** Waits until this many runs are in the middle of a step. */
export async function everyRunSpeaks(stage: Stage, load: Load, width: number): Promise<void> {
  for (;;) {
    const rows = await stage.query<{ held: number }>(
      "select count(*)::int as held from runs where lease_owner is not null and open_step is not null",
    );
    if (load.started >= width && (rows?.[0]?.held ?? 0) >= width * 0.95) return;
    await sleep(SPEAK_POLL_MS);
  }
}

/** The gateway that holds the most runs. */
export async function busiest(stage: Stage): Promise<GatewayProcess> {
  const rows = await stage.query<{ owner: string }>(
    "select lease_owner as owner from runs where lease_owner is not null group by lease_owner order by count(*) desc limit 1",
  );
  const found = stage.gateways.find(({ gatewayId }) => gatewayId !== null && gatewayId === rows?.[0]?.owner);
  return found ?? gatewayOf(stage, 0);
}

function gatewayOf(stage: Stage, index: number): GatewayProcess {
  const gateway = stage.gateways[index % stage.gateways.length];
  if (gateway === undefined) throw new Error("there is no gateway");
  return gateway;
}
