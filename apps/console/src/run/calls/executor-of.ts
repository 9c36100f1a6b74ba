import type { ToolCall } from "@hsafa/protocol";

/** Where a call executes: the device's own name, or the kind of its target. */
export function executorOf({ deviceKey, target, approval }: ToolCall): string {
  if (deviceKey !== null) return deviceKey;
  const recipient = approval?.recipient;
  if (recipient?.kind === "device") return recipient.deviceKey;
  if (recipient?.kind === "http") return recipient.origin ?? "a web service";
  return target === "device" || target === "browser" ? "any device" : target;
}
