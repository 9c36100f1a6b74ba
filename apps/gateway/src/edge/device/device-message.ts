import { type DeviceMessage, deviceMessage } from "@hsafa/protocol";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";

export type ReadMessage =
  | { readonly kind: "message"; readonly message: DeviceMessage }
  /** `reason` says what was wrong; `callId`: the call it was about, if that could be made out. */
  | {
      readonly kind: "invalid";
      readonly code: "invalid_request" | "payload_too_large";
      readonly reason: string;
      readonly callId?: string;
    };

/** Reads one message of a device. Never throws, whatever the text. */
export function readDeviceMessage(text: string): ReadMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "invalid", code: "invalid_request", reason: "The message is not JSON." };
  }
  const about = callIdOf(value);
  // What is inside a message (a result, a schema) may be as deep as anywhere else; the message itself is one level more.
  if (isDeeperThan(value, JSON_DEPTH_MAX + 1)) {
    const reason = `The message is nested deeper than ${JSON_DEPTH_MAX} levels.`;
    return { kind: "invalid", code: "payload_too_large", reason, ...about };
  }
  const parsed = deviceMessage.safeParse(value);
  if (parsed.success) return { kind: "message", message: parsed.data };
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "The message" : `'${issue.path.join(".")}'`;
  return {
    kind: "invalid",
    code: "invalid_request",
    reason: `${where}: ${issue?.message ?? "is not valid"}`,
    ...about,
  };
}

function callIdOf(value: unknown): { callId?: string } {
  if (typeof value !== "object" || value === null || !("callId" in value)) return {};
  return typeof value.callId === "string" && value.callId.length <= 200 ? { callId: value.callId } : {};
}

/** Looks no deeper than it is asked to, so that its own stack is bounded. */
function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((child) => isDeeperThan(child, levels - 1));
}
