import type { OutsideInput } from "../core/input.ts";
import { INBOX_CANCELS_MAX, INBOX_MAX } from "./limits.ts";
import type { TenantStore } from "./tenant-store.ts";

/** How many inputs may wait for a run when one of this kind is refused. A cancel has places of its own. */
export function inboxMaxFor(kind: OutsideInput["kind"]): number {
  return kind === "cancel" ? INBOX_MAX + INBOX_CANCELS_MAX : INBOX_MAX;
}

/** The input that a submitted tool result leaves. */
export function toolResultInput(params: Parameters<TenantStore["submitToolResult"]>[0]): OutsideInput {
  const { callId, outcome, from } = params;
  const deviceId = from.kind === "device" ? from.deviceId : null;
  return { kind: "tool_result", callId, outcome, source: from.kind, deviceId };
}
