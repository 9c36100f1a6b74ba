/**
 * What is approved, and that nothing else goes out (R1).
 *
 * 1. A person is asked about one call of one run: its tool, its exact arguments and its recipient. A digest stands for
 *    these.
 * 2. An approved call goes out only if its digest and its recipient are still the same. It is asked for once, so it is
 *    never asked for again with something else under the same id.
 * 3. The recipient is fixed when the person is asked. A device that another one has replaced under its key, or that
 *    belongs to somebody else by then, is another recipient. The store says so too, when it lists calls for devices.
 */
import type {
  ApprovalRecipient,
  ApprovalRules,
  ApprovedCall,
  CallApproval,
  Fact,
  JsonValue,
  ToolConfig,
} from "@hsafa/protocol";
import { isNamedDevice } from "./approved-device.ts";
import { canonicalHash } from "./canonical-json.ts";
import type { KnownDevice } from "./input.ts";
import { isoTime } from "./iso-time.ts";
import { APPROVAL_TIMEOUT_MS } from "./limits.ts";
import type { Recipient } from "./recipient.ts";
import type { Call } from "./run-state.ts";

/** Stands for a call as a person is shown it (1.). */
export function callApprovalDigest({ runId, callId, toolName, args, recipient }: ApprovedCall): string {
  return canonicalHash({ runId, callId, toolName, args, recipient: recipient as unknown as JsonValue });
}

/** Where a call of this tool goes now. `recipient`: its devices; null: it goes to none. */
export function approvalRecipientOf(
  tool: ToolConfig,
  recipient: Recipient | null,
  devices: Readonly<Record<string, KnownDevice>>,
): ApprovalRecipient {
  if (tool.server?.type === "http")
    return { kind: "http", method: tool.server.method, origin: originOf(tool.server.url) };
  if (tool.server?.type === "function") return { kind: "function", name: tool.server.name ?? tool.name };
  if (tool.server?.type === "agent") return { kind: "agent", agent: tool.server.agent };
  if (recipient === null) return { kind: "external" };
  if (recipient.kind === "any")
    return { kind: "any_device", labels: { ...recipient.labels }, platform: recipient.platform };
  const { deviceKey } = recipient;
  const known = Object.hasOwn(devices, deviceKey) ? devices[deviceKey] : undefined;
  const { deviceId = null, owner = null, ownerId = null } = known ?? {};
  return { kind: "device", deviceKey, deviceId, owner, ownerId };
}

/** The fact that asks a person (1.). */
export function awaitingApproval(params: {
  readonly runId: string;
  readonly call: Call;
  readonly recipient: ApprovalRecipient;
  readonly rules: Required<ApprovalRules>;
  readonly now: number;
}): Fact {
  const { runId, call, recipient, rules, now } = params;
  const { callId, toolName, args } = call;
  return {
    type: "tool.awaiting_approval",
    data: {
      callId,
      expiresAt: isoTime(now + APPROVAL_TIMEOUT_MS),
      toolName,
      args,
      recipient,
      digest: callApprovalDigest({ runId, callId, toolName, args, recipient }),
      ...(rules.groups.length === 0 ? {} : { groups: [...rules.groups] }),
      ...(rules.selfApproval ? { selfApproval: true } : {}),
    },
  };
}

/** The approval of a call after it was asked for; null for a record of an earlier version, which names no recipient. */
export function askedApproval({ data }: Extract<Fact, { type: "tool.awaiting_approval" }>): CallApproval | null {
  const { recipient, digest, expiresAt, groups = [], selfApproval = false } = data;
  if (recipient === undefined || digest === undefined) return null;
  return { recipient, digest, expiresAt, groups, selfApproval, decision: null };
}

/** The approval of a call after it was decided, `at` a time in ms. */
export function decidedApproval(
  approval: CallApproval | null,
  { type, data }: Extract<Fact, { type: "tool.approved" | "tool.denied" }>,
  at: number,
): CallApproval | null {
  if (approval === null || data.by === undefined) return approval;
  const { by, keyId, subject } = data;
  const decider = { by, ...(keyId === undefined ? {} : { keyId }), ...(subject === undefined ? {} : { subject }) };
  return { ...approval, decision: { approved: type === "tool.approved", at: isoTime(at), ...decider } };
}

/** Why an approved call may not go out to this recipient, as a sentence; null: it may (2.). */
export function unlikeApproved(runId: string, call: Call, recipient: ApprovalRecipient): string | null {
  const { approval, callId, toolName, args } = call;
  // A record of an earlier version names no recipient.
  if (approval === null) return null;
  if (!isSameRecipient(approval.recipient, recipient))
    return "The recipient that the call was approved for is gone, or is another one by now";
  const digest = callApprovalDigest({ runId, callId, toolName, args, recipient: approval.recipient });
  return digest === approval.digest ? null : "The call is not the one that was approved";
}

function isSameRecipient(approved: ApprovalRecipient, now: ApprovalRecipient): boolean {
  if (approved.kind !== "device" || now.kind !== "device") return canonicalHash(approved) === canonicalHash(now);
  // If no device had the key when the person was asked, they approved the key.
  const isMeant = approved.deviceId === null || isNamedDevice(approved, { ownerId: null, ...now });
  return approved.deviceKey === now.deviceKey && isMeant;
}

/** Placeholders stand behind the origin of a URL only. */
function originOf(url: string): string | null {
  return URL.parse(url.replaceAll(/[{}]/g, ""))?.origin ?? null;
}
