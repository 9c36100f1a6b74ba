import type { OpenCall } from "../ports/fleet-store.ts";

/** A call that was sent on this connection, or whose result came on it. */
export type SentCall =
  | { readonly kind: "in_hand"; readonly runId: string; readonly attempt: number }
  /** Its result is on its way into the store, which may refuse it. Until that is known, the call is left alone. */
  | { readonly kind: "answering" }
  /** A result was taken. It settles the call whatever its attempt, so only a list read before still holds the call. */
  | { readonly kind: "answered" };

/** The part of a session that the rules read. */
export interface SessionView {
  readonly deviceId: string;
  readonly bootId: string;
  readonly maxInFlight: number;
  readonly sent: ReadonlyMap<string, SentCall>;
  /** Whether it takes no new call. */
  readonly drain: "no" | "asked" | "told";
}

export type DeviceAction =
  | { readonly kind: "send"; readonly call: OpenCall }
  /** Cancel it on the device: it was settled otherwise, or went elsewhere. */
  | { readonly kind: "cancel"; readonly callId: string }
  /** Forget it: it was answered here and is settled. */
  | { readonly kind: "forget"; readonly callId: string }
  /** Report to the run that the device which was sent this attempt will never answer it. */
  | { readonly kind: "report_lost"; readonly runId: string; readonly callId: string; readonly attempt: number };

/**
 * Returns what is due on a session's connection, given the calls that the store lists for it. Pure: `DeviceDispatch`
 * carries it out.
 *
 * 1. However many calls wait, the list holds all that the device has in hand. One in hand that is missing was settled
 *    otherwise, or may go elsewhere.
 * 2. A call that the store has recorded as sent goes again to the same device in the same boot only.
 * 3. At most `maxInFlight` calls are in hand. Those in hand already come before new ones. A device that drains is sent
 *    no new one.
 * 4. The list may be stale. That is harmless: a call is sent only after the store has recorded the sending. A device
 *    runtime must bear a cancel that comes too late, and a request that it has seen.
 */
export function planDeviceCalls(session: SessionView, calls: readonly OpenCall[]): DeviceAction[] {
  const listed = new Map(calls.map((call) => [call.callId, call]));
  const actions: DeviceAction[] = [];
  let inFlight = 0;

  for (const [callId, sent] of session.sent) {
    const call = listed.get(callId);
    if (sent.kind === "answered") {
      if (call === undefined) actions.push({ kind: "forget", callId });
    } else if (sent.kind === "in_hand" && isGone(session, sent, call)) {
      // 1.
      actions.push({ kind: "cancel", callId });
    } else {
      inFlight += 1;
    }
  }

  const again: OpenCall[] = [];
  const fresh: OpenCall[] = [];
  for (const call of calls) {
    const sent = session.sent.get(call.callId);
    if (sent !== undefined && (sent.kind !== "in_hand" || sent.attempt >= call.attempt)) continue;
    if (isLost(session, call)) {
      actions.push({ kind: "report_lost", runId: call.runId, callId: call.callId, attempt: call.attempt });
    } else if (isFreeFor(session, call)) {
      // 2.
      (call.sentTo === null ? fresh : again).push(call);
    }
  }

  // 3. A call that is held back here goes when a result is taken.
  for (const call of session.drain === "no" ? [...again, ...fresh] : again) {
    const isCounted = session.sent.has(call.callId);
    if (!isCounted && inFlight >= session.maxInFlight) continue;
    if (!isCounted) inFlight += 1;
    actions.push({ kind: "send", call });
  }
  return actions;
}

/** Whether a call in hand may no longer be answered by this device. `call`: as it is listed, if it is. */
function isGone(session: SessionView, sent: { readonly attempt: number }, call: OpenCall | undefined): boolean {
  return call === undefined || (call.attempt > sent.attempt && !isFreeFor(session, call));
}

/** Whether the call may be sent on this session: it was sent to nobody yet, or to this device in this boot. */
function isFreeFor(session: SessionView, call: OpenCall): boolean {
  return call.sentTo === null || (call.sentTo.deviceId === session.deviceId && call.sentTo.bootId === session.bootId);
}

/**
 * Whether the device that was sent the call can no longer answer. Either this device has lost its memory since, or
 * another one has gone and the tool may be executed again elsewhere.
 */
function isLost(session: SessionView, call: OpenCall): boolean {
  if (call.sentTo === null) return false;
  if (call.sentTo.deviceId === session.deviceId) return call.sentTo.bootId !== session.bootId;
  return call.repeatable && !call.sentTo.connected;
}
