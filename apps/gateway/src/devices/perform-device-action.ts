import type { Bell } from "../ports/bell.ts";
import { GATEWAY_ACTOR } from "../ports/gateway-actor.ts";
import type { OpenCall } from "../ports/fleet-store.ts";
import type { Store } from "../ports/store.ts";
import type { DeviceSession } from "./device-session.ts";
import type { DeviceAction } from "./plan-device-calls.ts";

export interface DeviceActionDeps {
  readonly store: Store;
  readonly bell: Bell;
  /** Whether the session is still served here. It may end while the store is asked. */
  readonly isServed: (session: DeviceSession) => boolean;
}

/** Carries out one action of `planDeviceCalls`. Rejects with `StoreUnavailable`; doing it again is harmless (R4). */
export async function performDeviceAction(
  deps: DeviceActionDeps,
  session: DeviceSession,
  action: DeviceAction,
): Promise<void> {
  switch (action.kind) {
    case "send":
      return sendCall(deps, session, action.call);
    case "cancel":
      session.sent.delete(action.callId);
      return session.socket.send({ type: "tool.call.cancel", callId: action.callId });
    case "forget":
      session.sent.delete(action.callId);
      return;
    case "report_lost":
      return reportLost(deps, session, action);
    default:
      action satisfies never;
  }
}

async function sendCall(deps: DeviceActionDeps, session: DeviceSession, call: OpenCall): Promise<void> {
  const { callId, runId, parentRunId, toolName, args, attempt, deadline } = call;
  const { tenantId, sessionId } = session;
  // A device that reconnects may repeat its result before it is asked for it again.
  const mustNotSend = (): boolean => {
    const sent = session.sent.get(callId);
    return !deps.isServed(session) || (sent !== undefined && sent.kind !== "in_hand");
  };
  if (mustNotSend()) return;
  // The row records the dispatch. What the store refuses to record is never sent, however stale the view was (R4).
  if (!(await deps.store.forTenant(tenantId).markSent({ callId, attempt, sessionId }))) return;
  if (mustNotSend()) return;
  session.sent.set(callId, { kind: "in_hand", runId, attempt });
  session.socket.send({
    type: "tool.call.request",
    callId,
    runId,
    ...(parentRunId === null ? {} : { parentRunId }),
    toolName,
    args,
    attempt,
    deadline: deadline === null ? null : new Date(deadline).toISOString(),
  });
}

async function reportLost(
  { store, bell }: DeviceActionDeps,
  { tenantId }: DeviceSession,
  { runId, callId, attempt }: Extract<DeviceAction, { kind: "report_lost" }>,
): Promise<void> {
  const key = `lost:${callId}:${attempt}`;
  const outcome = await store.forTenant(tenantId).enqueueInput({
    runId,
    input: { kind: "dispatch_lost", callId, attempt },
    dedupe: { key, bodyHash: key },
    by: GATEWAY_ACTOR,
  });
  // If the run ended or is unknown, nobody needs the report. If its inbox is full, the next look reports it again.
  if (outcome.kind === "accepted") bell.ring({ about: "run", runId });
}
