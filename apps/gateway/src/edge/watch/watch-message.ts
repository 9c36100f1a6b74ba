import { type WatchMessage } from "@hsafa/protocol";
import { watchMessageSchema } from "@hsafa/protocol/schema";
import { schemaFaults } from "../../access/schema-faults.ts";

export type ReadWatchMessage =
  | { readonly kind: "message"; readonly message: WatchMessage }
  /** `runId`: the run it was about, if that could be made out. */
  | { readonly kind: "invalid"; readonly reason: string; readonly runId: string | undefined };

/** Reads one message of a watch socket. Never throws, whatever the text; its length is bounded before. */
export function readWatchMessage(text: string): ReadWatchMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "invalid", reason: "The message is not JSON.", runId: undefined };
  }
  const parsed = watchMessageSchema.safeParse(value);
  if (parsed.success) return { kind: "message", message: parsed.data };
  const [fault] = schemaFaults(parsed.error);
  const where = fault === undefined || fault.path === "" ? "The message" : `'${fault.path.slice(0, 100)}'`;
  return {
    kind: "invalid",
    reason: `${where}: ${fault?.message.slice(0, 300) ?? "is not valid"}.`,
    runId: runIdOf(value),
  };
}

function runIdOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("runId" in value)) return undefined;
  return typeof value.runId === "string" && value.runId.length <= 100 ? value.runId : undefined;
}
