import type { CallApproval, ToolConfig } from "@hsafa/protocol";
import { isApprovedDevice } from "./approved-device.ts";
import type { KnownDevice } from "./input.ts";

/**
 * Which devices may take a call: the one with this key, or any of the pool that fits. A device fits if it offers the
 * tool, has the labels and (if given) the platform.
 */
export type Recipient =
  | { readonly kind: "key"; readonly deviceKey: string }
  | { readonly kind: "any"; readonly labels: Readonly<Record<string, string>>; readonly platform: string | null };

/** The same for a tool, or why none ever could. */
export type RecipientRule = Recipient | { readonly kind: "impossible"; readonly reason: string };

/**
 * The recipient of a tool's calls. It is the device that the tool names, or the run's origin if the tool asks for it,
 * or any device that offers the tool. A `browser` tool asks for the origin by default, so that nobody else's tab is
 * driven.
 */
export function recipientOf(tool: ToolConfig, originDeviceKey: string | null): RecipientRule {
  const platform = tool.target === "browser" ? "browser" : null;
  if (tool.device?.key !== undefined) return { kind: "key", deviceKey: tool.device.key };
  const select = tool.device?.select ?? (tool.target === "browser" ? "origin" : "any");
  if (select === "any") return { kind: "any", labels: tool.device?.labels ?? {}, platform };
  if (originDeviceKey !== null) return { kind: "key", deviceKey: originDeviceKey };
  return {
    kind: "impossible",
    reason: "this tool executes on the device the run was started from, and the run was started without a deviceKey",
  };
}

/** What a device offers, and whose it is. */
export interface DeviceOffer extends KnownDevice {
  readonly key: string;
  readonly platform: string | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly toolNames: readonly string[];
  /** Whether it may take calls that are addressed to nobody in particular. Its credential says so. */
  readonly isPooled: boolean;
}

/**
 * Whether this device may take this call. `adapters/postgres/recipient-columns.ts` says the same in SQL.
 */
export function mayTakeCall(
  device: DeviceOffer,
  call: {
    readonly toolName: string;
    readonly recipient: Recipient | null;
    readonly approval: CallApproval | null;
  },
): boolean {
  const { toolName, recipient, approval } = call;
  if (recipient === null || !isApprovedDevice(approval, device)) return false;
  if (recipient.kind === "key") return recipient.deviceKey === device.key;
  return (
    device.isPooled &&
    device.toolNames.includes(toolName) &&
    Object.entries(recipient.labels).every(([name, value]) => device.labels[name] === value) &&
    (recipient.platform === null || recipient.platform === device.platform)
  );
}

/** The keys of the devices that these tools name, each once. */
export function namedDeviceKeys(tools: readonly ToolConfig[]): string[] {
  return [...new Set(tools.flatMap((tool) => tool.device?.key ?? []))];
}
