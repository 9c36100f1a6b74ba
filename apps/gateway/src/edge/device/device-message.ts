import { type DeviceMessage } from "@hsafa/protocol";
import { deviceMessageSchema } from "@hsafa/protocol/schema";
import { type ValidationFault, schemaFaults } from "../../access/schema-faults.ts";
import { jsonFault } from "../../access/json-faults.ts";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";

export type ReadMessage =
  | { readonly kind: "message"; readonly message: DeviceMessage }
  /** `reason` says what was wrong; `callId`: the call it was about, if that could be made out. */
  | { readonly kind: "invalid"; readonly reason: string; readonly callId?: string };

/** Reads one message of a device. Never throws, whatever the text. */
export function readDeviceMessage(text: string): ReadMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "invalid", reason: "The message is not JSON." };
  }
  // What a message carries (a result, a schema) may be as deep as anywhere else; the message itself is one level more.
  const unfit = jsonFault(value, JSON_DEPTH_MAX + 1);
  if (unfit !== null) return { kind: "invalid", reason: sentence(unfit), ...callIdOf(value) };
  const parsed = deviceMessageSchema.safeParse(value);
  if (parsed.success) return { kind: "message", message: parsed.data };
  const reason = schemaFaults(parsed.error).slice(0, FAULTS_TOLD_MAX).map(sentence).join(" ");
  return { kind: "invalid", reason, ...callIdOf(value) };
}

/** Enough to mend a message by, and no more than fits into an answer. */
const FAULTS_TOLD_MAX = 5;

function sentence({ path, message }: ValidationFault): string {
  return `${path === "" ? "The message" : `'${path.slice(0, 200)}'`}: ${message}.`;
}

function callIdOf(value: unknown): { callId?: string } {
  if (typeof value !== "object" || value === null || !("callId" in value)) return {};
  return typeof value.callId === "string" && value.callId.length <= 200 ? { callId: value.callId } : {};
}
