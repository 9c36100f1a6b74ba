import type { DeviceMessage, ErrorCode } from "@hsafa/protocol";
import type { Bell } from "../ports/bell.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import type { DeviceDispatch } from "./device-dispatch.ts";
import type { DeviceSession } from "./device-session.ts";
import { type SubmittedResult, submitToolResult } from "../control/submit-tool-result.ts";

export type TakenResult =
  | { readonly kind: "taken"; readonly duplicate: boolean }
  /**
   * `unavailable` and `too_many_requests`: the device keeps the result and sends it again. Any other: it will never be
   * taken.
   */
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string };

type ToolResult = Extract<DeviceMessage, { type: "tool.result" }>;

/** What devices say of the calls they were sent. */
export interface ToolResults {
  /** The device has begun with a call. Of interest to people only: whether it is recorded decides nothing. */
  accepted(session: DeviceSession, callId: string): Promise<void>;
  /** A result. Taken once it is an input of the run; until then the device is not told that it was. */
  take(session: DeviceSession, message: ToolResult): Promise<TakenResult>;
}

export function createToolResults(deps: {
  readonly store: Store;
  readonly bell: Bell;
  readonly dispatch: DeviceDispatch;
}): ToolResults {
  const { store, dispatch } = deps;

  return {
    async accepted(session, callId) {
      if (!session.sent.has(callId)) return;
      try {
        await store.forTenant(session.tenantId).markAccepted({ callId, deviceId: session.deviceId });
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
      }
    },

    async take(session, answer) {
      const { callId } = answer;
      const before = session.sent.get(callId);
      // From now on: a look at the store must not take the call that this very result settles for one to cancel.
      session.sent.set(callId, { kind: "answering" });
      const taken = await submit(session, answer);
      const isDone = taken.kind === "taken" || taken.code === "result_conflict";
      if (isDone) {
        session.sent.set(callId, { kind: "answered" });
        // The device has a hand free: a call that was held back may go.
        dispatch.look(session);
      } else if (before === undefined) {
        session.sent.delete(callId);
      } else {
        session.sent.set(callId, before);
      }
      return taken;
    },
  };

  async function submit({ tenantId, deviceId }: DeviceSession, answer: ToolResult): Promise<TakenResult> {
    const { callId } = answer;
    let outcome: SubmittedResult;
    try {
      outcome = await submitToolResult(deps, { tenantId, callId, answer, from: { kind: "device", deviceId } });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return refused("unavailable", "The store is away; the result was not taken. Send it again.");
    }
    switch (outcome.kind) {
      case "accepted":
      case "duplicate":
        return { kind: "taken", duplicate: outcome.kind === "duplicate" };
      case "conflict":
        return refused("result_conflict", `The call is ${outcome.status}, and not by this result.`);
      case "unfit":
        // The call stays open, so the device may still answer with less, or with an error.
        return refused(outcome.code, outcome.reason);
      case "not_found":
      case "not_dispatched":
        return refused("not_found", "There is no such call that was sent to this device.");
      case "inbox_full":
        return refused("too_many_requests", "The run has too much to take in; send the result again later.");
      default:
        return outcome satisfies never;
    }
  }
}

function refused(code: ErrorCode, message: string): TakenResult {
  return { kind: "refused", code, message };
}
