import type { QuotaName } from "@hsafa/protocol";
import { msUntilNextDay, type QuotaLack } from "../core/quotas.ts";
import { type Refusal, refuse } from "./refusal.ts";

/** Refuses what a quota has no room for. `now`: in ms since the epoch. */
export function quotaExceeded(lack: QuotaLack, now: number): Refusal {
  const { name, used, limit } = lack;
  const detail = `The tenant's quota '${name}' is used up: ${used} of ${limit}. ${ADVICE[name]}`;
  const refusal = { ...refuse("quota_exceeded", detail), quota: lack };
  return name === "tokensPerDay" ? { ...refusal, retryAfterMs: msUntilNextDay(now) } : refusal;
}

const RAISED = "an operator can raise the quota";

/** What to do about it. */
const ADVICE: Readonly<Record<QuotaName, string>> = {
  activeRuns: `Runs that wait to begin count too. Wait until some have ended, or cancel some; ${RAISED}.`,
  queuedRuns: `Wait until some have begun, or cancel some; ${RAISED}.`,
  devices: `Delete devices that are not used any more; ${RAISED}.`,
  threads: `Go on with threads that are there; ${RAISED}.`,
  agentVersions: `Push a version that is known, which takes no room; ${RAISED}.`,
  storedBytes: `Nothing new is taken; ${RAISED}.`,
  tokensPerDay: `Tokens are counted anew from midnight in UTC; ${RAISED}.`,
};
