import type { Fact } from "@hsafa/protocol";
import type { Blame } from "./blame.ts";
import { canceledCall } from "./call-facts.ts";
import { RECOVERIES_MAX } from "./limits.ts";
import type { CallProjection, RunProjection } from "./projection.ts";
import { discardedStep } from "./run-ends.ts";

/** The end of a run that is given up: its last facts, and the rows after them. */
export interface GivenUp {
  readonly facts: readonly Fact[];
  readonly run: RunProjection;
  readonly calls: readonly CallProjection[];
}

/**
 * Ends a run that keeps killing or stalling its gateways. It needs only the run's row and the rows of its open calls,
 * since loading its events may be what kills. `now` in ms.
 */
export function giveUp(params: {
  readonly run: RunProjection;
  readonly openCalls: readonly CallProjection[];
  readonly blame: Blame;
  readonly now: number;
}): GivenUp {
  const { run, openCalls, blame, now } = params;
  const error = { code: "recovery_exhausted", message: reasonOf(blame) };
  const settled = openCalls.map((call) => ({ call, fact: canceledCall(call) }));
  return {
    facts: [
      ...(run.openStep === null ? [] : [discardedStep(run.openStep, "crash")]),
      ...settled.map(({ fact }) => fact),
      { type: "run.failed", data: { error, usage: run.usage } },
    ],
    run: { ...run, status: "failed", openStep: null, error, completedAt: now },
    calls: settled.map(({ call, fact }) => ({
      ...call,
      status: "failed",
      error: fact.data.error,
      settledAt: now,
    })),
  };
}

function reasonOf({ recoveries, stalls }: Blame): string {
  return recoveries > RECOVERIES_MAX
    ? `The run was taken up ${recoveries} times without getting any further; each time its gateway was lost.`
    : `The work of the run kept its gateway from everything else for seconds, ${stalls} times.`;
}
