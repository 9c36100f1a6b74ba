import type { Fact } from "@hsafa/protocol";
import { giveUp } from "../core/give-up.ts";
import { showsProgress } from "../core/progress.ts";
import type { CallProjection, ClaimedRun, CommitOutcome, RunOutline, RunProjection } from "../ports/fleet-store.ts";
import type { DeltaBatcher } from "./delta-batcher.ts";
import type { EngineDeps } from "./engine-deps.ts";
import { placeFacts } from "../core/place-facts.ts";
import { ringAfterCommit } from "./ring-after-commit.ts";
import { RunWriter } from "./run-writer.ts";

interface GiveUpParams {
  readonly deps: EngineDeps;
  readonly batcher: DeltaBatcher;
  readonly claimed: ClaimedRun;
  /** The database's time, in ms. */
  readonly now: () => number;
}

/**
 * Fails a run that was claimed too often without getting any further, from its row and its open calls: loading its
 * events or its inputs may be what kills. If the store is away it throws, and the next claim tries again.
 */
export async function giveUpRun(params: GiveUpParams): Promise<void> {
  // A refusal means that an input was accepted just now; after `INBOX_MAX` of them no more are.
  while ((await commitEnd(params)) === "inputs_waiting");
}

async function commitEnd(params: GiveUpParams): Promise<CommitOutcome["kind"]> {
  const { deps, batcher, claimed, now } = params;
  const { tenantId, runId, epoch, lastSeq, recoveries } = claimed;
  const outline = await deps.store.loadOutline({ tenantId, runId, epoch });
  if (outline === null) return "fenced";

  const ts = now();
  const { openStep, usage } = outline.run;
  const facts = giveUp({ openStep, openCalls: outline.openCalls, recoveries, usage });
  // Deltas of the step cut short may stand after the last fact; naming that fact is enough for every reader.
  const prev = { seq: lastSeq, sub: 0 };
  const records = placeFacts({ facts, afterSeq: lastSeq, prev, ts });
  const { run, calls } = failed(outline, facts, ts);
  const outcome = await deps.store.commit({
    tenantId,
    runId,
    epoch,
    afterSeq: lastSeq,
    facts: records,
    deltas: [],
    run,
    calls,
    progress: showsProgress(facts),
    consumed: [],
    inboxMustBe: outline.inboxCount,
    lease: { kind: "release", wakeAt: null },
  });
  if (outcome.kind !== "committed") return outcome.kind;

  const { liveLog, localFeed, clock, log } = deps;
  const onBug = (error: unknown): void => log.error({ err: error, runId }, "the end of a run could not be published");
  const writer = new RunWriter({
    claim: claimed,
    position: prev,
    liveLog,
    localFeed,
    batcher,
    clock,
    now,
    mayPublish: () => true,
    onStale: () => {},
    onBug,
  });
  writer.publish(records);
  ringAfterCommit({ bell: deps.bell, tenantId, calls, wakes: outcome.wakes });
  log.warn({ runId, recoveries }, "a run was given up: every gateway that took it up was lost");
  await writer.close();
  return outcome.kind;
}

/** The rows after these facts, which settle every open call. */
function failed(
  outline: RunOutline,
  facts: readonly Fact[],
  now: number,
): { run: RunProjection; calls: CallProjection[] } {
  const run = { ...outline.run, status: "failed" as const, openStep: null, completedAt: now };
  const errors = new Map(
    facts.flatMap((fact) => (fact.type === "tool.failed" ? [[fact.data.callId, fact.data.error] as const] : [])),
  );
  const end = facts.find((fact) => fact.type === "run.failed");
  const calls = outline.openCalls.map((call) => ({
    ...call,
    status: "failed" as const,
    error: errors.get(call.callId) ?? null,
    settledAt: now,
  }));
  return { run: { ...run, error: end?.data.error ?? null }, calls };
}
