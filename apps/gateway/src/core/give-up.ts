import type { Fact, Usage } from "@hsafa/protocol";
import { canceledCall, discarded } from "./facts.ts";

/**
 * The facts that end a run which keeps killing its gateways, from what its row and its open calls tell, without loading
 * its events.
 */
export function giveUp(params: {
  readonly openStep: number | null;
  readonly openCalls: readonly { readonly callId: string; readonly toolName: string }[];
  readonly recoveries: number;
  readonly usage: Usage;
}): readonly Fact[] {
  const message = `The run was taken up ${params.recoveries} times without getting any further; each time its gateway was lost.`;
  return [
    ...(params.openStep === null ? [] : [discarded(params.openStep, "crash")]),
    ...params.openCalls.map(canceledCall),
    { type: "run.failed", data: { error: { code: "recovery_exhausted", message }, usage: params.usage } },
  ];
}
