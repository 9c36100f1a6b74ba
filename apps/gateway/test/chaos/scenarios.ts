import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../support/seeded-random.ts";
import { experiment, type Findings } from "./experiment.ts";
import { freezeGateway, freezeRedis, type Journal, killGateway, restartGateway, stopRedis } from "./faults.ts";
import { busiest, everyRunSpeaks, gatewayOf, mixedLoad, speakingLoad } from "./loads.ts";
import { costsOf, figures, lagsOf, quantile } from "./report.ts";
import { above, FLEET, type Scenario, type ScenarioOptions } from "./scenario.ts";
import { performSchedule } from "./schedule.ts";
import type { Stage } from "./stage.ts";
import { listed } from "./tally.ts";

/** Between two looks at the number of runs, in milliseconds. */
const RUNS_POLL_MS = 200;

/** Plays seeded faults of all kinds, while runs of all kinds come and go. */
export const random: Scenario = (options) => {
  const { seed, runs, width, faults, faultEveryMs, only, leaseMs, seconds, say } = options;
  return experiment({
    ...FLEET,
    leaseMs,
    say,
    // It starts runs while there are faults, and then until there were enough.
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

/** From SIGKILL to a run's next event at the default lease, in milliseconds. */
const RECOVERY_P99_MAX_MS = 10_000;

/** Kills one of three gateways while every run streams. */
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

/** From the release of a lease to the run's next event, in milliseconds. */
const HANDOVER_P99_MAX_MS = 1000;

/** Restarts the whole fleet, one gateway after the other, again and again, while every run streams. */
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

/** Freezes gateways for longer than a lease, while runs of all kinds go on. */
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

/** How far watchers may be behind while Redis is away, in milliseconds. */
const AWAY_LAG_P99_MAX_MS = 500;
/** Until a gateway has noticed the outage, its writes to the live log wait for their timeout. */
const AWAY_SETTLE_MS = 1000;

/** Kills Redis under load for a while. It comes back wiped. */
export const redisAway: Scenario = (options) =>
  withoutRedis(options, "goes away", (stage, journal, awayMs) => stopRedis(stage, journal, { awayMs }));

/** Freezes Redis under load for a while. Its sockets stay open and silent. */
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
