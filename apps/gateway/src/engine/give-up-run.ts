import type { Failure } from "@hsafa/protocol";
import { toldParent, treeUsage } from "../core/told-parent.ts";
import { giveUp } from "../core/give-up.ts";
import type { ClaimedRun, RunOutline } from "../ports/fleet-store.ts";
import { type CommitEnd, commitRound } from "./commit-round.ts";
import type { DeltaBatcher } from "./delta-batcher.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { RunWriter } from "./run-writer.ts";

interface GiveUpParams {
  readonly deps: EngineDeps;
  readonly batcher: DeltaBatcher;
  readonly claimed: ClaimedRun;
  readonly error: Failure;
  /** Returns the database's time, in ms. */
  readonly now: () => number;
}

/**
 * Fails a run that no gateway can go on with. It reads the run's row and its open calls alone, since loading the events
 * or the inputs may be what kills. Throws `StoreUnavailable` if the store is away.
 */
export async function giveUpRun(params: GiveUpParams): Promise<void> {
  // A refusal means that an input was accepted just now. After `INBOX_MAX` of them no more are.
  while ((await tryToGiveUp(params)) === "inputs_waiting");
}

async function tryToGiveUp({ deps, batcher, claimed, error, now }: GiveUpParams): Promise<CommitEnd> {
  const { store, bell, log } = deps;
  const { tenantId, runId, epoch, lastSeq } = claimed;
  const outline = await store.loadOutline({ tenantId, runId, epoch });
  if (outline === null) return "fenced";

  const writer = new RunWriter({
    deps,
    batcher,
    claim: claimed,
    // Deltas of the step that is cut short may stand after the last fact. To name that fact is enough for every reader.
    position: { seq: lastSeq, sub: 0 },
    lastFact: null,
    now,
    mayPublish: () => true,
    onStale: () => {},
    onBug: (bug) => log.error({ err: bug, tenantId, runId }, "the end of a run could not be published"),
  });
  const { tag } = deps.generation.present;
  try {
    const at = now();
    const end = giveUp({ run: outline.run, openCalls: outline.openCalls, error, now: at });
    const decision = {
      ...end,
      at,
      consumed: [],
      merges: [],
      children: [],
      tellsParent: toldOf(outline, runId, error),
      inboxMustBe: outline.inboxCount,
      release: { wakeAt: null },
    };
    const outcome = await commitRound({
      gatewayId: deps.gatewayId,
      claim: claimed,
      afterSeq: lastSeq,
      decision,
      writer,
      send: (commit) => store.commit(commit),
      bell,
    });
    if (outcome === "store_behind") deps.generation.report(tag, "a run lacks facts that it had when it was claimed");
    if (outcome === "committed") log.warn({ tenantId, runId, error }, "a run was given up");
    return outcome;
  } finally {
    await writer.close();
  }
}

function toldOf({ parent, run }: RunOutline, childRunId: string, error: Failure): ReturnType<typeof toldParent> | null {
  if (parent === null) return null;
  const end = { kind: "failed", error, finishReason: null } as const;
  return toldParent({ parent, childRunId, end, usage: treeUsage(run), withheld: "unknown" });
}
