import { type JsonValue, readExactJson } from "@hsafa/protocol";
import type { z } from "zod";
import { schemaFaults, type ValidationFault } from "../../access/schema-faults.ts";
import { JSON_DEPTH_MAX } from "../../core/limits.ts";
import {
  SOCKET_FAULT_CHARACTERS_MAX,
  SOCKET_FAULT_PATH_CHARACTERS_MAX,
  SOCKET_FAULTS_REPORTED_MAX,
  SOCKET_SUBJECT_CHARACTERS_MAX,
  SUBJECT_SEARCHED_CHARACTERS_MAX,
} from "../limits.ts";

export type ReadMessage<M> =
  | { readonly kind: "message"; readonly message: M }
  /** `detail`: what is wrong. `subject`: the id that the message was about, if it could be made out. */
  | { readonly kind: "invalid"; readonly detail: string; readonly subject?: string };

/**
 * Reads one JSON text message. Never throws, whatever the text; its length is bounded before. `subjectField`: the field
 * that names what a message is about (`callId`, `runId`). `mended`: types of messages in which half a surrogate pair
 * becomes U+FFFD. They carry what a tool found, and nobody is there to send it otherwise.
 */
export function readMessage<M>(
  text: string,
  schema: z.ZodType<M>,
  subjectField: string,
  mended: ReadonlySet<string> = NOTHING_MENDED,
): ReadMessage<M> {
  // What a message carries (a result, a schema) may be as deep as anywhere else. The message itself is one level more.
  const read = readExactJson(text, JSON_DEPTH_MAX + 1);
  if (read.kind === "malformed") return { kind: "invalid", detail: "The message is not JSON." };
  if (read.kind === "inexact") {
    // What stands somewhere was parsed. A text with a fault of its own may not even be JSON.
    const subject = read.path === "" ? subjectAtStart(text, subjectField) : subjectOf(JSON.parse(text), subjectField);
    return { kind: "invalid", detail: sentence(read), ...subject };
  }
  const { value, tornAt } = read;
  if (tornAt !== null && !mended.has(typeOf(value))) {
    const detail = sentence({ path: tornAt, message: "holds half of a surrogate pair, which is no Unicode text" });
    return { kind: "invalid", detail, ...subjectOf(value, subjectField) };
  }
  const checked = schema.safeParse(value);
  if (checked.success) return { kind: "message", message: checked.data };
  const detail = schemaFaults(checked.error).slice(0, SOCKET_FAULTS_REPORTED_MAX).map(sentence).join(" ");
  return { kind: "invalid", detail, ...subjectOf(value, subjectField) };
}

/**
 * The subject of a text that is not parsed, since that would cost too much. It is found if it comes before any list or
 * object, as our own clients write it.
 */
function subjectAtStart(text: string, field: string): { readonly subject?: string } {
  const members = text.slice(0, SUBJECT_SEARCHED_CHARACTERS_MAX).matchAll(TEXT_OR_SCALAR_MEMBER);
  for (const [, name, value] of members) {
    if (name === field && value !== undefined) return subjectOf({ [field]: value }, field);
  }
  return {};
}

/** The next member of an object that holds a text without escapes, or another scalar. */
const TEXT_OR_SCALAR_MEMBER = /(?:^\s*\{|,)\s*"([^"\\]*)"\s*:\s*(?:"([^"\\]*)"|[-+.\w]+)\s*(?=[,}])/gy;

const NOTHING_MENDED: ReadonlySet<string> = new Set();

function typeOf(message: JsonValue): string {
  if (typeof message !== "object" || message === null || Array.isArray(message)) return "";
  return typeof message.type === "string" ? message.type : "";
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
