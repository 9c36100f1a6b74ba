import type { ApprovalRecipient, CallApproval } from "@hsafa/protocol";
import type { KnownDevice } from "./input.ts";

/**
 * Whether a device may take a call, as far as the call's approval tells. A call that was approved for one device
 * goes to no other device under the same key. Nor does it go to the same device once that has another owner.
 * `adapters/postgres/recipient-columns.ts` says the same in SQL.
 */
export function isApprovedDevice(approval: CallApproval | null, device: KnownDevice): boolean {
  if (approval?.recipient.kind !== "device" || approval.recipient.deviceId === null) return true;
  return isNamedDevice(approval.recipient, device);
}

/** Whether a device is the one that a recipient names: the same one, of the same owner. Two keys may have one name. */
export function isNamedDevice(
  recipient: Extract<ApprovalRecipient, { kind: "device" }>,
  device: Pick<KnownDevice, "owner" | "ownerId"> & { readonly deviceId: string | null },
): boolean {
  const { deviceId, owner, ownerId = null } = recipient;
  if (deviceId !== device.deviceId) return false;
  // A record of an earlier version knows the owner by name alone.
  return ownerId === null ? owner === device.owner : ownerId === device.ownerId;
}
