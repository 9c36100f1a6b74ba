import type { DeviceMessage } from "@hsafa/protocol";
import { refuse } from "../access/refusal.ts";
import type { Bell } from "../ports/bell.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import type { DeviceDispatch } from "./device-dispatch.ts";
import type { DeviceSession } from "./device-session.ts";
import { type SubmittedResult, submitToolResult } from "../control/submit-tool-result.ts";

type ToolResult = Extract<DeviceMessage, { type: "tool.result" }>;

/** What devices say of the calls they were sent. */
export interface ToolResults {
  /** The device has begun with a call. Of interest to people only: whether it is recorded decides nothing. */
  accepted(session: DeviceSession, callId: string): Promise<void>;
  /**
   * Takes a result. It is accepted once it is an input of the run. After `unavailable` and `too_many_requests` the
   * device keeps the result and sends it again; after any other refusal it will never be accepted.
   */
  take(session: DeviceSession, message: ToolResult): Promise<SubmittedResult>;
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
      const isDone = taken.kind === "accepted" || taken.code === "result_conflict";
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

  async function submit({ tenantId, deviceId }: DeviceSession, answer: ToolResult): Promise<SubmittedResult> {
    const { callId } = answer;
    try {
      return await submitToolResult(deps, { tenantId, callId, answer, from: { kind: "device", deviceId } });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return refuse("unavailable", "The store is away; the result was not taken. Send it again.");
    }
  }
}
