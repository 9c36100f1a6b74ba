import type { JsonValue, ToolProgressEvent } from "@hsafa/protocol";
import { DEVICE_PROGRESS_BYTES_MAX, DEVICE_PROGRESS_PER_SECOND_MAX } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { LiveLog } from "../ports/live-log.ts";
import type { DeviceSession } from "./device-session.ts";

export type ProgressOutcome = "announced" | "too_large" | "left_out";

/**
 * Passes the progress that one session's device reports to the clients that watch the run now. Progress is neither fact
 * nor delta: it is never kept, and it is left out first when there is much of it.
 */
export function createDeviceProgress(
  deps: { readonly liveLog: Pick<LiveLog, "forTenant">; readonly clock: Pick<Clock, "now" | "monotonic"> },
  session: DeviceSession,
): (progress: { readonly callId: string; readonly data: JsonValue }) => ProgressOutcome {
  let windowStart = deps.clock.monotonic();
  let announced = 0;

  return ({ callId, data }) => {
    // A device may report on a call that it has in hand: not on another's, nor after its own result.
    const sent = session.sent.get(callId);
    if (sent?.kind !== "in_hand") return "left_out";
    const now = deps.clock.monotonic();
    if (now - windowStart >= 1000) {
      windowStart = now;
      announced = 0;
    }
    if (announced >= DEVICE_PROGRESS_PER_SECOND_MAX) return "left_out";
    const event: ToolProgressEvent = {
      runId: sent.runId,
      type: "tool.progress",
      ts: new Date(deps.clock.now()).toISOString(),
      data: { callId, data },
    };
    const json = JSON.stringify(event);
    if (Buffer.byteLength(json) > DEVICE_PROGRESS_BYTES_MAX) return "too_large";
    announced += 1;
    deps.liveLog.forTenant(session.tenantId).sendProgress({ runId: sent.runId, json });
    return "announced";
  };
}
