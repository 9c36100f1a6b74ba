import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../support/seeded-random.ts";
import { experiment } from "./experiment.ts";
import type { Load } from "./load.ts";
import { type PostgresPair, startPostgresPair } from "./postgres-pair.ts";
import { figures } from "./report.ts";
import { mixedLoad } from "./loads.ts";
import { FLEET, type Scenario } from "./scenario.ts";

/** Time between two fail-overs, in milliseconds. */
const CALM_MS = 4000;
/** The longest time until the standby is promoted, in milliseconds. */
const DECIDE_MAX_MS = 4000;

/** The primary Postgres vanishes and its standby takes over, again and again, under load. */
export const failOver: Scenario = async ({ seed, width, faults, leaseMs, say }) => {
  let pair: PostgresPair | null = null;
  let load: Load | null = null;
  return experiment({
    ...FLEET,
    leaseMs,
    say,
    startPostgres: async (settings) => (pair = await startPostgresPair(settings)),
    startLoad: (stage) => (load = mixedLoad(stage, { seed, width, runs: Number.POSITIVE_INFINITY })),
    async act({ load: loaded, journal }) {
      const dice = seededRandom(seed);
      const downs: number[] = [];
      for (let round = 0; round < faults; round += 1) {
        await sleep(CALM_MS);
        journal.mayCostLeases.push(Date.now());
        const downMs = (await pair?.failOver({ decideMs: dice() * DECIDE_MAX_MS }))?.downMs ?? Number.NaN;
        downs.push(downMs);
        say(`fail-over ${round + 1}: ${Math.round(downMs)} ms without a database`);
      }
      await sleep(CALM_MS);
      loaded.stop();
      return { figures: [["without a database", figures(downs)]] };
    },
    async measure() {
      const counted = (load?.ended ?? []).reduce((sum, { recoveries }) => sum + recoveries, 0);
      return { broken: counted === 0 ? [] : [`${counted} leases were counted as lost because the database was away`] };
    },
  });
};
