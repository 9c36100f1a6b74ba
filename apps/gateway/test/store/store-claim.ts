import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import type { ClaimedRun, FleetStore } from "../../src/ports/fleet-store.ts";
import type { Rows, RunRow } from "./store-rows.ts";

interface Candidate {
  readonly run: RunRow;
  readonly lost: boolean;
}

const byWake = (a: RunRow, b: RunRow): number => (a.wakeAt ?? 0) - (b.wakeAt ?? 0) || (a.id < b.id ? -1 : 1);

/** Takes runs that have begun, then new ones, by tenants in turn. It remembers the tenant served last. */
export function claimRuns(rows: Rows): FleetStore["claimRuns"] {
  let servedLast: string | null = null;

  /**
   * New runs that are due. Tenants form a ring that starts after the tenant served last: the first run of each comes,
   * then the second of each, and so on.
   */
  function fresh(now: number): RunRow[] {
    const due = [...rows.runs.values()].filter(
      (run) =>
        run.epoch === 0 && run.wakeAt !== null && run.wakeAt <= now && (!rows.waitsForTurn(run) || isCanceled(run)),
    );
    const ofTenant = [...Map.groupBy(due, (run) => run.tenantId)].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const after = ofTenant.filter(([tenantId]) => servedLast === null || tenantId > servedLast);
    const upTo = ofTenant.filter(([tenantId]) => servedLast !== null && tenantId <= servedLast);
    const ring = [...after, ...upTo].map(([, runs]) => runs.toSorted(byWake));
    const rounds = Math.max(0, ...ring.map((runs) => runs.length));
    return Array.from({ length: rounds }, (_, round) => ring.flatMap((runs) => runs[round] ?? [])).flat();
  }

  return async ({ gatewayId, claimNumber, leaseDurationMs, limit, judgesUntil, lastChancesMax }) => {
    const now = rows.now();
    const mayJudge = judgesUntil !== null && now <= judgesUntil;
    const isOverdue = (run: RunRow): boolean =>
      [...rows.calls.values()].some(
        ({ runId, call }) =>
          runId === run.id && call.status === "dispatched" && call.deadline !== null && call.deadline <= now,
      );
    const mayTake = (run: RunRow): boolean =>
      mayJudge || (run.leaseOwner === null && (run.inbox > 0 || !isOverdue(run)));
    const begun = [...rows.runs.values()]
      .filter((run) => run.epoch > 0 && run.wakeAt !== null && mayTake(run))
      .toSorted(byWake);
    const isDue = (run: RunRow): boolean => (run.wakeAt ?? 0) <= now;
    const due = begun.filter(isDue);
    const lastChances = due.filter(isOnLastChance).slice(0, lastChancesMax);
    const old = [...lastChances, ...due.filter((run) => !isOnLastChance(run))]
      .slice(0, limit)
      .map((run): Candidate => ({ run, lost: run.leaseOwner !== null }));
    const waiting = fresh(now);
    const young = waiting.slice(0, limit - old.length);
    servedLast = young.at(-1)?.tenantId ?? servedLast;
    const taken = [...old, ...young.map((run): Candidate => ({ run, lost: false }))];
    const lease = { gatewayId, claimNumber, endsAt: now + leaseDurationMs };
    const isLeft = (run: RunRow): boolean =>
      !old.some((candidate) => candidate.run === run) && !(isOnLastChance(run) && isDue(run));
    const left = begun.find(isLeft)?.wakeAt ?? null;
    const next = young.length < waiting.length ? now : left;
    return {
      now,
      runs: taken.map(({ run, lost }) => take(run, lost, lease)),
      nextWakeInMs: next === null ? null : Math.max(0, next - now),
    };
  };
}

function take(
  run: RunRow,
  lost: boolean,
  lease: { readonly gatewayId: string; readonly claimNumber: number; readonly endsAt: number },
): ClaimedRun {
  run.epoch += 1;
  run.leaseOwner = lease.gatewayId;
  run.claimNumber = lease.claimNumber;
  run.wakeAt = lease.endsAt;
  if (lost) run.recoveries += 1;
  const { id: runId, tenantId, epoch, lastSeq, recoveries, stalls } = run;
  return { runId, tenantId, epoch, lastSeq, lost, recoveries, stalls };
}

/** Whether the run will be on its last chance once it is claimed. */
function isOnLastChance(run: RunRow): boolean {
  return run.recoveries + (run.leaseOwner === null ? 0 : 1) === RECOVERIES_MAX;
}

function isCanceled(run: RunRow): boolean {
  return run.inputs.some((row) => row.input.kind === "cancel" && !row.consumed);
}
