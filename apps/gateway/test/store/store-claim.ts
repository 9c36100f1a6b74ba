import { RECOVERIES_MAX } from "../../src/core/limits.ts";
import type { ClaimedRun, FleetStore } from "../../src/ports/fleet-store.ts";
import type { HoldOffer } from "../../src/ports/hold-offer.ts";
import { sharePlaces } from "../../src/ports/share-places.ts";
import type { MemoryStore } from "./memory-store.ts";
import type { Rows, RunRow } from "./store-rows.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";

const byWake = (a: RunRow, b: RunRow): number => (a.wakeAt ?? 0) - (b.wakeAt ?? 0) || (a.id < b.id ? -1 : 1);

/** Takes runs of all tenants in turn. It remembers the tenants served last. */
export function claimRuns(rows: Rows): FleetStore["claimRuns"] {
  let servedLast: string | null = null;
  let chanceServedLast: string | null = null;

  return async ({ gatewayId, claimNumber, leaseDurationMs, limit, places, judgesUntil, lastChancesMax }) => {
    const now = rows.now();
    if (!rows.isJudged) return { now, runs: [], nextWakeInMs: null, isAnyWithheld: false };
    const isDue = (run: RunRow): boolean => run.wakeAt !== null && run.wakeAt <= now;
    const mayJudge = judgesUntil !== null && now <= judgesUntil;
    const isOverdue = (run: RunRow): boolean =>
      [...rows.calls.values()].some(
        ({ runId, call }) =>
          runId === run.id && call.status === "dispatched" && call.deadline !== null && call.deadline <= now,
      );
    if (mayJudge) endLapsedLeases(rows);
    const mayTake = (run: RunRow): boolean =>
      mayJudge || (run.leaseOwner === null && (run.inbox > 0 || !isOverdue(run)));
    const all = [...rows.runs.values()].filter((run) => run.wakeAt !== null).toSorted(byWake);
    const begun = all.filter((run) => run.epoch > 0 && mayTake(run));
    const isFresh = (run: RunRow): boolean => run.epoch === 0 && (!rows.waitsForTurn(run) || isCanceled(run));

    const passed = (run: RunRow): number => Number(chanceServedLast !== null && run.tenantId <= chanceServedLast);
    const lastChances = begun
      .filter((run) => isDue(run) && isOnLastChance(run))
      .toSorted((a, b) => passed(a) - passed(b) || (a.tenantId < b.tenantId ? -1 : Number(a.tenantId > b.tenantId)))
      .slice(0, Math.min(limit, lastChancesMax));
    chanceServedLast = lastChances.at(-1)?.tenantId ?? chanceServedLast;

    const due = [...begun.filter((run) => !isOnLastChance(run)), ...all.filter(isFresh)].filter(isDue);
    const shared = sharePlaces(due, { ...places, free: places.free - lastChances.length }, servedLast);
    const others = shared.runs.slice(0, limit - lastChances.length);
    servedLast = others.at(-1)?.tenantId ?? servedLast;

    const leaseEnds = mayJudge ? [...rows.gatewayLeases.values()].filter((endsAt) => endsAt > now) : [];
    const wakes = begun.filter((run) => !isDue(run)).flatMap(({ wakeAt }) => wakeAt ?? []);
    const comings = [...wakes, ...leaseEnds];
    const coming = comings.length === 0 ? null : Math.min(...comings);
    const next = others.length < shared.runs.length ? now : coming;
    const lease = { gatewayId, claimNumber, endsAt: now + leaseDurationMs };
    return {
      now,
      runs: [...lastChances, ...others].map((run) => take(run, lease)),
      nextWakeInMs: next === null ? null : next - now,
      isAnyWithheld: shared.isAnyWithheld,
    };
  };
}

/** Takes a parked run that has just got an input; null: it is left to a claim. */
export function takeParked(rows: Rows, run: RunRow, { gatewayId, claimNumber, leaseDurationMs }: HoldOffer) {
  const isParked = run.leaseOwner === null && run.projection.status === "waiting_tool";
  if (!isParked || run.recoveries >= RECOVERIES_MAX || !rows.isJudged) return null;
  const now = rows.now();
  const claimed = take(run, { gatewayId, claimNumber, endsAt: now + leaseDurationMs });
  const waiting = run.inputs.filter((row) => !row.consumed);
  const inputs = run.inbox === 1 ? waiting.map(({ inputId, input }) => ({ inputId, input })) : [];
  return { claimed, now, inbox: { count: run.inbox, inputs, resultsUnread: run.inbox > 1 } };
}

/** The runs of this tenant that wait for a claim. */
export function dueRuns(rows: Rows, tenantId: TenantId): ReturnType<MemoryStore["dueRuns"]> {
  const now = rows.now();
  return [...rows.runs.values()].flatMap((run) => {
    const { id: runId, epoch } = run;
    const dueAt = rows.dueAt(run);
    if (run.tenantId !== tenantId || dueAt === null || dueAt > now) return [];
    if (epoch === 0 && rows.waitsForTurn(run) && !isCanceled(run)) return [];
    return [{ runId, waitedMs: now - dueAt, isLost: isLost(run), isOnLastChance: isOnLastChance(run) }];
  });
}

/** Runs whose gateway's lease is over are due since then. */
function endLapsedLeases(rows: Rows): void {
  for (const [gatewayId, endsAt] of rows.gatewayLeases) {
    if (endsAt <= rows.now()) for (const run of rows.coveredBy(gatewayId)) run.wakeAt = endsAt;
  }
}

function take(
  run: RunRow,
  lease: { readonly gatewayId: string; readonly claimNumber: number; readonly endsAt: number },
): ClaimedRun {
  const lost = isLost(run);
  run.epoch += 1;
  run.leaseOwner = lease.gatewayId;
  run.claimNumber = lease.claimNumber;
  run.wakeAt = lease.endsAt;
  if (lost) run.recoveries += 1;
  run.isReprieved = run.recoveries > RECOVERIES_MAX;
  const { id: runId, tenantId, epoch, lastSeq, recoveries, stalls } = run;
  return { runId, tenantId, epoch, lastSeq, lost, recoveries, stalls };
}

/** Whether a claim of the run finds a lost lease that counts. */
function isLost(run: RunRow): boolean {
  return run.leaseOwner !== null && !run.isReprieved;
}

/** Whether the run will be on its last chance once it is claimed. */
function isOnLastChance(run: RunRow): boolean {
  return run.recoveries + Number(isLost(run)) === RECOVERIES_MAX;
}

function isCanceled(run: RunRow): boolean {
  return run.inputs.some((row) => row.input.kind === "cancel" && !row.consumed);
}
