import { cp, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { executions, lossesOf } from "./checks.ts";
import { readDeviceOutcomes } from "./device-outcomes.ts";
import { type Journal, newJournal } from "./faults.ts";
import type { Load } from "./load.ts";
import { readTurns } from "./read-turns.ts";
import { costsOf, figures, loadAverage } from "./report.ts";
import { setStage, type Stage, type StageParams } from "./stage.ts";
import { listed, sumOf, tally } from "./tally.ts";

/** The outcome: figures by name, and everything that was lost, doubled or left behind. */
export interface Findings {
  readonly figures: readonly (readonly [name: string, value: string])[];
  /** Empty if hsafa kept all its promises. */
  readonly losses: readonly string[];
}

/** What is done to the fleet under load. It returns its own figures, and which of them break a promise. */
export type Act = (params: {
  readonly stage: Stage;
  readonly load: Load;
  readonly journal: Journal;
  readonly say: (what: string) => void;
}) => Promise<{ readonly figures?: Findings["figures"]; readonly broken?: readonly string[] }>;

/** How long everything may take to finish after the last fault, in milliseconds. */
const FINISH_MAX_MS = 180_000;

/** Sets a stage, puts a load on it, plays the act, waits until every run has ended, and checks everything. */
export async function experiment(
  params: StageParams & {
    readonly startLoad: (stage: Stage) => Load;
    readonly act: Act;
    /** Called when every run has ended. */
    readonly measure?: (stage: Stage, journal: Journal) => ReturnType<Act>;
    readonly say: (what: string) => void;
  },
): Promise<Findings> {
  const { startLoad, act, measure, say } = params;
  const journal = newJournal();
  const beganAt = performance.now();
  const stage = await setStage(params);
  let findings: Findings | null = null;
  try {
    say("the stage is set");
    const load = startLoad(stage);
    const acted = await act({ stage, load, journal, say });
    say("the faults are over; everything gets time to finish");
    await load.finished(FINISH_MAX_MS);
    const measured = await measure?.(stage, journal);
    const losses = [...(await lossesOf(stage, load, journal)), ...(acted.broken ?? []), ...(measured?.broken ?? [])];
    const own = [...(acted.figures ?? []), ...(measured?.figures ?? [])];
    const standard = await standardFigures(stage, load, journal);
    const kept = losses.length > 0 ? [["the gateways' logs are in", await keepLogs(stage)] as const] : [];
    findings = { figures: [...own, ...standard, ...kept], losses };
  } finally {
    const left = await stage.close();
    if (findings !== null) {
      const losses = [...findings.losses, ...left.map((what) => `${what} was left behind`)];
      const took = `${Math.round((performance.now() - beganAt) / 1000)} s`;
      findings = { losses, figures: [...findings.figures, ["took", took], ["load average", loadAverage()]] };
    }
  }
  return findings;
}

async function standardFigures(stage: Stage, load: Load, journal: Journal): Promise<Findings["figures"]> {
  const kills = await costsOf(stage, journal.interruptions, "kill");
  const handovers = await costsOf(stage, journal.interruptions, "handover");
  const ends = tally(load.ended.map(({ end }) => end));
  const discarded = sumOf(load.ended.map((run) => run.discarded));
  const submitted = sumOf(load.ended.map((run) => run.submitted));
  const overSockets = load.ended.flatMap(({ resumes }) => (resumes === null ? [] : [resumes]));
  const { threads, runs: inThreads, waited } = await readTurns(stage, load);
  const { remembering, forgetting } = await readDeviceOutcomes(stage);
  const executed = [...executions(stage).values()];
  const repeated = executed.filter(({ count }) => count > 1).length;
  return [
    ["runs", `${load.started} started, ${listed(ends)}`],
    ["forks of ended runs", String(load.forks.size)],
    ["events in the logs", String(load.ended.reduce((sum, { events }) => sum + events, 0))],
    ["recovered", `${load.ended.reduce((sum, { recoveries }) => sum + recoveries, 0)} times`],
    ["steps cut short", listed(discarded)],
    ["in threads", `${inThreads.length} runs in ${threads} threads, ${waited} waited for the one before`],
    [
      "over watch sockets",
      `${overSockets.length} runs, resumed ${overSockets.reduce((sum, count) => sum + count, 0)} times`,
    ],
    ["submitted, as answered", listed(submitted)],
    [
      "outcome unknown, once at most",
      `${remembering.unknown} of ${remembering.calls} calls of devices with a memory on disk, ${forgetting.unknown} of ${forgetting.calls} of those without, in ${remembering.boots} and ${forgetting.boots} boots`,
    ],
    ["tool executions", `${executed.length} calls, ${repeated} of them repeated`],
    ["kill to next event", figures(kills.nextEvent)],
    ["kill to next event seen", figures(kills.nextSeen)],
    ["hand-over, release to next event", figures(handovers.takenUp)],
    ["hand-over, longest silence", figures(handovers.longestSilence)],
    ["freezes beyond the lease", String(journal.staleFreezes)],
    ["SIGTERM ends other than 0", journal.badExits.join("; ") || "none"],
  ];
}

async function keepLogs(stage: Stage): Promise<string> {
  const kept = await mkdtemp(join(tmpdir(), "hsafa-chaos-kept-"));
  for (const { index, logFile } of stage.gateways) await cp(logFile, join(kept, `gateway-${index}.log`));
  return kept;
}
