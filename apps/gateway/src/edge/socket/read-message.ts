import type { z } from "zod";
import { jsonFault } from "../../access/json-faults.ts";
import { schemaFaults, type ValidationFault } from "../../access/schema-faults.ts";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";
import {
  SOCKET_FAULT_CHARACTERS_MAX,
  SOCKET_FAULT_PATH_CHARACTERS_MAX,
  SOCKET_FAULTS_REPORTED_MAX,
  SOCKET_SUBJECT_CHARACTERS_MAX,
} from "../limits.ts";

export type ReadMessage<M> =
  | { readonly kind: "message"; readonly message: M }
  /** `detail`: what is wrong. `subject`: the id that the message was about, if it could be made out. */
  | { readonly kind: "invalid"; readonly detail: string; readonly subject?: string };

/**
 * Reads one JSON text message. Never throws, whatever the text; its length is bounded before. `subjectField`: the field
 * that names what a message is about (`callId`, `runId`).
 */
export function readMessage<M>(text: string, schema: z.ZodType<M>, subjectField: string): ReadMessage<M> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "invalid", detail: "The message is not JSON." };
  }
  // What a message carries (a result, a schema) may be as deep as anywhere else. The message itself is one level more.
  const unfit = jsonFault(value, JSON_DEPTH_MAX + 1);
  if (unfit !== null) return { kind: "invalid", detail: sentence(unfit), ...subjectOf(value, subjectField) };
  const parsed = schema.safeParse(value);
  if (parsed.success) return { kind: "message", message: parsed.data };
  const detail = schemaFaults(parsed.error).slice(0, SOCKET_FAULTS_REPORTED_MAX).map(sentence).join(" ");
  return { kind: "invalid", detail, ...subjectOf(value, subjectField) };
}

function sentence({ path, message }: ValidationFault): string {
  const where = path === "" ? "The message" : `'${path.slice(0, SOCKET_FAULT_PATH_CHARACTERS_MAX)}'`;
  return `${where}: ${message.slice(0, SOCKET_FAULT_CHARACTERS_MAX)}.`;
}

function subjectOf(value: unknown, field: string): { readonly subject?: string } {
  if (typeof value !== "object" || value === null) return {};
  const subject = (value as Readonly<Record<string, unknown>>)[field];
  return typeof subject === "string" && subject.length <= SOCKET_SUBJECT_CHARACTERS_MAX ? { subject } : {};
}
