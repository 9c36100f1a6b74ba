import type { Fact, Failure } from "@hsafa/protocol";
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
 * Ends a run without a look at its events: loading them may be what kills its gateways, or what no gateway can do. It
 * needs only the run's row and the rows of its open calls. `now` in ms.
 */
export function giveUp(params: {
  readonly run: RunProjection;
  readonly openCalls: readonly CallProjection[];
  readonly error: Failure;
  readonly now: number;
}): GivenUp {
  const { run, openCalls, error, now } = params;
  const settled = openCalls.map((call) => ({ call, fact: canceledCall(call, call.status === "dispatched") }));
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

/** Why a run is given up that keeps killing or stalling its gateways. */
export function recoveryExhausted({ recoveries, stalls }: Blame): Failure {
  const message =
    recoveries > RECOVERIES_MAX
      ? `The run was taken up ${recoveries} times without getting any further; each time its gateway was lost.`
      : `The work of the run kept its gateway from everything else for seconds, ${stalls} times.`;
  return { code: "recovery_exhausted", message };
}
