import type { DeviceMessage } from "@hsafa/protocol";
import { refuse } from "../access/refusal.ts";
import { type SubmittedResult, submitToolResult } from "../control/submit-tool-result.ts";
import type { Bell } from "../ports/bell.ts";
import { type Store, StoreUnavailable } from "../ports/store.ts";
import type { Uptake } from "../ports/uptake.ts";
import type { DeviceDispatch } from "./device-dispatch.ts";
import type { DeviceSession } from "./device-session.ts";

type ToolResult = Extract<DeviceMessage, { type: "tool.result" }>;

/** Takes what devices report of the calls they were sent. */
export interface ToolResults {
  /** The device has begun with a call. It is for people only: no rule depends on whether it is recorded. */
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
  readonly uptake: Uptake;
  readonly dispatch: Pick<DeviceDispatch, "look">;
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

    async take(session, result) {
      const { callId } = result;
      const before = session.sent.get(callId);
      // Before the store is asked: this result may settle the call, and a look must not take that for one to cancel.
      session.sent.set(callId, { kind: "answering" });
      const taken = await submit(session, result);
      const isSettled = taken.kind === "accepted" || taken.code === "result_conflict";
      if (isSettled) {
        session.sent.set(callId, { kind: "answered" });
        // The device has capacity again: a call that was held back may go.
        dispatch.look(session);
      } else if (before === undefined) {
        session.sent.delete(callId);
      } else {
        session.sent.set(callId, before);
      }
      return taken;
    },
  };

  async function submit({ tenantId, deviceId }: DeviceSession, result: ToolResult): Promise<SubmittedResult> {
    const { callId } = result;
    try {
      return await submitToolResult(deps, { tenantId, callId, answer: result, from: { kind: "device", deviceId } });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return refuse("unavailable", "The store is away; the result was not taken. Send it again.");
    }
  }
}
