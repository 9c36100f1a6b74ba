import type { OpenCall } from "../ports/fleet-store.ts";

/**
 * What a device session does about the calls that the store lists for it. Pure: `device-dispatch.ts` obeys.
 *
 * A view may be stale by the time it is acted on. That is harmless: a call is sent only after the store has recorded
 * the sending (`markSent`), and a cancel or a repeated request is something every device runtime must bear.
 */

/** A call that went out on this very connection, or was answered on it. */
export type SentCall =
  | { readonly kind: "in_hand"; readonly runId: string; readonly attempt: number }
  /** Its result is on its way into the store, which may yet refuse it: until that is known, the call is left alone. */
  | { readonly kind: "answering" }
  /**
   * A result was taken, which settles the call whatever its attempt. Only a list that was read before that may still
   * hold it.
   */
  | { readonly kind: "answered" };

/** What the rules look at in a session. */
export interface SessionView {
  readonly deviceId: string;
  readonly bootId: string;
  readonly maxInFlight: number;
  readonly sent: ReadonlyMap<string, SentCall>;
}

export type DeviceAction =
  | { readonly kind: "send"; readonly call: OpenCall }
  /** The call was settled otherwise, or went elsewhere: the device may stop. */
  | { readonly kind: "cancel"; readonly callId: string }
  /** Answered here and settled since: nothing to tell. */
  | { readonly kind: "forget"; readonly callId: string }
  /** Tell the run that this attempt will never be answered by whom it was sent to. */
  | { readonly kind: "report_lost"; readonly runId: string; readonly callId: string; readonly attempt: number };

/**
 * What is due on this connection, given the calls listed for it. However many others wait, all that this device has in
 * hand is among them: a call in hand that is missing was settled otherwise, or may go elsewhere.
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
      (call.sentTo === null ? fresh : again).push(call);
    }
  }

  // What the device has in hand already comes before what it has not seen. What is held back here goes when a result
  // frees a hand.
  for (const call of [...again, ...fresh]) {
    const isCounted = session.sent.has(call.callId);
    if (!isCounted && inFlight >= session.maxInFlight) continue;
    if (!isCounted) inFlight += 1;
    actions.push({ kind: "send", call });
  }
  return actions;
}

/** Whether a call in hand, listed as `call` if at all, is no longer this device's to answer. */
function isGone(session: SessionView, sent: { readonly attempt: number }, call: OpenCall | undefined): boolean {
  return call === undefined || (call.attempt > sent.attempt && !isFreeFor(session, call));
}

/** Whether the call was sent to nobody yet, or to this device in this boot: there it may go any number of times. */
function isFreeFor(session: SessionView, call: OpenCall): boolean {
  return call.sentTo === null || (call.sentTo.deviceId === session.deviceId && call.sentTo.bootId === session.bootId);
}

/**
 * Whether whom it was sent to can no longer answer: this device has lost its memory since; or another device is gone,
 * and the tool allows that somebody else does it again.
 */
function isLost(session: SessionView, call: OpenCall): boolean {
  if (call.sentTo === null) return false;
  if (call.sentTo.deviceId === session.deviceId) return call.sentTo.bootId !== session.bootId;
  return call.repeatable && !call.sentTo.connected;
}
