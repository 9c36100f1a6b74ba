import { setTimeout as sleep } from "node:timers/promises";
import { seededRandom } from "../support/seeded-random.ts";
import { mixedRun, type RunScript, speakingRun } from "./agent.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import { type Load, startLoad } from "./load.ts";
import type { Stage } from "./stage.ts";
import { dealThreads } from "./thread-places.ts";

/** The pace of a reading person, in milliseconds for each word. */
const EVERY_MS = 25;
/** The latest time at which a second watcher joins and a message is sent, in milliseconds after the first event. */
const JOIN_WITHIN_MS = 2000;
/** The share of runs that belong to a thread, 0 to 1. */
const THREAD_SHARE = 0.25;

/** The share of runs that are forks of ended ones, 0 to 1. */
const FORK_SHARE = 0.15;

/** Starts runs of all kinds. `words`: the most words of one step. */
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
    forkShare: FORK_SHARE,
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

/** Starts runs that speak without pauses. */
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
    // Hundreds of runs at a person's pace would measure the machine, so the scenario gives the pace.
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

/** Waits until `width` runs are within a step. */
export async function everyRunSpeaks(stage: Stage, load: Load, width: number): Promise<void> {
  for (;;) {
    const rows = await stage.query<{ held: number }>(
      "select count(*)::int as held from runs where lease_owner is not null and open_step is not null",
    );
    if (load.started >= width && (rows?.[0]?.held ?? 0) >= width * 0.95) return;
    await sleep(SPEAK_POLL_MS);
  }
}

/** Returns the gateway that holds the most runs. */
export async function busiest(stage: Stage): Promise<GatewayProcess> {
  const rows = await stage.query<{ owner: string }>(
    "select lease_owner as owner from runs where lease_owner is not null group by lease_owner order by count(*) desc limit 1",
  );
  const found = stage.gateways.find(({ gatewayId }) => gatewayId !== null && gatewayId === rows?.[0]?.owner);
  return found ?? gatewayOf(stage, 0);
}

/** Returns the gateway of this index, counted round. */
export function gatewayOf(stage: Stage, index: number): GatewayProcess {
  const gateway = stage.gateways[index % stage.gateways.length];
  if (gateway === undefined) throw new Error("there is no gateway");
  return gateway;
}
