import type { GrantedLimits, StartedChild } from "@hsafa/protocol";
import type { EventRecord } from "./event-record.ts";
import { firstFacts } from "./first-facts.ts";
import { grantedLimits } from "./granted-limits.ts";
import type { KnownAgent } from "./input.ts";
import { childInput, parentRefOf } from "./plan-child.ts";
import type { Call, RunBody } from "./run-state.ts";

/** A child as the commit writes it that dispatches its call. What it does not say is as with its parent. */
export interface NewChild {
  readonly runId: string;
  readonly agentId: string;
  readonly versionId: string;
  readonly limits: GrantedLimits;
  /** Its first facts. */
  readonly facts: readonly EventRecord[];
}

/** A child that this call of the run starts. `now`: in ms. */
export function newChild(params: {
  readonly run: RunBody;
  readonly call: Pick<Call, "callId" | "args">;
  readonly child: StartedChild;
  readonly agent: KnownAgent | undefined;
  readonly now: number;
}): NewChild {
  const { run, call, child, agent, now } = params;
  const { runId, agentId, versionId, limits } = child;
  return {
    runId,
    agentId,
    versionId,
    limits: grantedLimits(agent?.terms ?? {}, limits),
    facts: firstFacts({
      agentId,
      versionId,
      threadId: null,
      earlier: [],
      messages: [{ role: "user", content: childInput(call.args) }],
      deviceKey: run.deviceKey,
      metadata: {},
      limits,
      parent: parentRefOf(run, call.callId),
      now,
    }),
  };
}
