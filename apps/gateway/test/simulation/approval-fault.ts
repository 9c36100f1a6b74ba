import type { ApprovedCall, GatewayMessage } from "@hsafa/protocol";
import { isDeepStrictEqual } from "node:util";
import { isApprovedTool } from "./agent.ts";
import { callIdOf, dataOf, type RunHistory } from "./run-history.ts";

type CallRequest = Extract<GatewayMessage, { type: "tool.call.request" }>;

/** Returns what is wrong with a call that reaches a device, if it needs approval: it goes as it was approved. */
export function approvalFault({ facts }: RunHistory, request: CallRequest, deviceKey: string): string | null {
  const { callId, toolName, args } = request;
  const of = (type: string) => facts.find((fact) => fact.type === type && callIdOf(fact) === callId);
  const asked = of("tool.awaiting_approval");
  if (asked === undefined) return isApprovedTool(toolName) ? `the call ${callId} was sent, and nobody was asked` : null;
  const shown = dataOf(asked) as unknown as ApprovedCall & { readonly digest: string };
  const approved = of("tool.approved");
  if (approved === undefined || dataOf(approved)["digest"] !== shown.digest)
    return `the call ${callId} was sent and not approved`;
  if (!isDeepStrictEqual([toolName, args], [shown.toolName, shown.args]))
    return `the call ${callId} was sent otherwise than it was approved`;
  const { recipient } = shown;
  const isMeant = recipient.kind === "any_device" || (recipient.kind === "device" && recipient.deviceKey === deviceKey);
  return isMeant ? null : `the call ${callId} was approved for ${JSON.stringify(recipient)} and sent to ${deviceKey}`;
}
