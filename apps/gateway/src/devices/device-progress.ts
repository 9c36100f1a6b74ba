import type { JsonValue, ToolProgressEvent } from "@hsafa/protocol";
import { DEVICE_PROGRESS_BYTES_MAX, DEVICE_PROGRESS_PER_SECOND_MAX } from "./limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { LiveLog } from "../ports/live-log.ts";
import type { DeviceSession } from "./device-session.ts";

export type ProgressOutcome = "announced" | "too_large" | "left_out";

/**
 * Passes on what one session's device says of its work to whoever watches the run now. Neither fact nor delta: never
 * kept, and the first to go when there is much of it.
 */
export function createDeviceProgress(
  deps: { readonly liveLog: Pick<LiveLog, "sendProgress">; readonly clock: Pick<Clock, "now" | "monotonic"> },
  session: DeviceSession,
): (progress: { readonly callId: string; readonly data: JsonValue }) => ProgressOutcome {
  let windowStart = deps.clock.monotonic();
  let announced = 0;

  return ({ callId, data }) => {
    // Only for a call in this device's hand: a device may not speak for another's, nor after its own answer.
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
    deps.liveLog.sendProgress({ runId: sent.runId, json });
    return "announced";
  };
}
