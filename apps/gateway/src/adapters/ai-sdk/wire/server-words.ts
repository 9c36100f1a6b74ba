/**
 * What a server says about a failure, in whatever form it says it. There are OpenAI's object, Google's list, and
 * FastAPI's `detail`. There are problem documents (RFC 9457), objects of a server's own, plain text and HTML.
 *
 * Everything here is linear in the text, and its result has a bound: what a server repeats of a request may be long.
 */
import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { SERVER_REASONS_MAX, SERVER_WORDS_CHARACTERS_MAX, SERVER_WORDS_DEPTH_MAX } from "../limits.ts";
import { countOf, objectOf, parsedJson, textOf } from "./parsed-json.ts";

/** What a server says about a failure. */
export interface ServerWords {
  /** For people, at most `SERVER_WORDS_CHARACTERS_MAX` characters. */
  readonly message: string;
  /** The server's own codes and types, in which a classification looks. Bounded likewise. */
  readonly signs: string;
  /** The status of HTTP that the text names, or null. */
  readonly status: number | null;
  /** How long to wait, in ms, if the text says so. */
  readonly retryAfterMs: number | null;
}

/** The fields that hold words, in the order in which they are looked at. */
const WORD_FIELDS = ["message", "msg", "detail", "details", "error_message", "error_description", "reason", "title"];
const NESTED_FIELDS = ["error", "errors", "response", "body"];
const SIGN_FIELDS = ["type", "code", "status", "error_type", "error_code"];

/** Returns what a body says. */
export function serverWordsOf(body: string): ServerWords {
  const value = parsedJson(body);
  if (value !== undefined) return serverWordsIn(value);
  const text = body.trimStart().startsWith("<") ? textOfHtml(body) : body;
  return { message: bounded(text.trim()), signs: "", status: null, retryAfterMs: null };
}

/** Returns what a parsed body, or an error within a stream, says. */
export function serverWordsIn(value: JsonValue): ServerWords {
  const found = reasonIn(value, SERVER_WORDS_DEPTH_MAX);
  const objects = objectsOf(value, SERVER_WORDS_DEPTH_MAX);
  const signs = objects.flatMap((object) => SIGN_FIELDS.map((field) => signOf(object[field])));
  return {
    message: bounded(found === "" ? JSON.stringify(value) : found),
    signs: bounded(signs.filter((sign) => sign !== "").join(" ")),
    status: objects.map(statusIn).find((status) => status !== null) ?? null,
    retryAfterMs: objects.map(waitIn).find((wait) => wait !== null) ?? null,
  };
}

function reasonIn(value: JsonValue | undefined, depth: number): string {
  if (typeof value === "string") return reasonInText(value, depth);
  if (typeof value !== "object" || value === null || depth === 0) return "";
  if (Array.isArray(value)) {
    const reasons = value.slice(0, SERVER_REASONS_MAX).map((item) => reasonIn(item, depth - 1));
    return [...new Set(reasons.filter((reason) => reason !== ""))].join("; ");
  }
  const nested = firstReason(value, NESTED_FIELDS, depth);
  const own = firstReason(value, WORD_FIELDS, depth);
  const reason = joined(own, nested);
  // OpenRouter puts the words of the provider behind it into the metadata.
  const raw = reasonIn(objectOf(value.metadata)?.raw, depth - 1);
  return joined(placeOf(value) + reason, raw);
}

/** LiteLLM and its kin put JSON of another server into a text. */
function reasonInText(text: string, depth: number): string {
  const first = text.trimStart().charAt(0);
  const inner = depth > 0 && (first === "{" || first === "[") ? parsedJson(text) : undefined;
  const reason = inner === undefined ? "" : reasonIn(inner, depth - 1);
  return bounded(reason === "" ? text.trim() : reason);
}

function firstReason(object: JsonObject, fields: readonly string[], depth: number): string {
  for (const field of fields) {
    const reason = reasonIn(object[field], depth - 1);
    if (reason !== "") return reason;
  }
  return "";
}

/** FastAPI says where in the request the fault is. */
function placeOf(object: JsonObject): string {
  const { loc, msg } = object;
  if (!Array.isArray(loc) || typeof msg !== "string") return "";
  const place = loc.slice(0, SERVER_WORDS_DEPTH_MAX).filter((step) => typeof step !== "object");
  return place.length === 0 ? "" : `${bounded(place.join("."))}: `;
}

function joined(first: string, second: string): string {
  if (first === "" || second.includes(first)) return bounded(second);
  return bounded(second === "" || first.includes(second) ? first : `${first}: ${second}`);
}

/** The object and the objects in it where an error lies: the first of a list, and the nested ones. */
function objectsOf(value: JsonValue | undefined, depth: number): JsonObject[] {
  if (depth === 0) return [];
  if (Array.isArray(value)) {
    return value.slice(0, SERVER_REASONS_MAX).flatMap((item) => objectsOf(item, depth - 1));
  }
  const object = objectOf(value);
  if (object === null) return [];
  return [...NESTED_FIELDS, "details"].flatMap((field) => objectsOf(object[field], depth - 1)).concat([object]);
}

function signOf(value: JsonValue | undefined): string {
  return typeof value === "string" ? bounded(value) : "";
}

function statusIn({ statusCode, status_code, status, code }: JsonObject): number | null {
  const named = [statusCode, status_code, status, code].map(countOf);
  return named.find((number) => number !== null && number >= 400 && number <= 599) ?? null;
}

/** Hugging Face estimates how long a model loads. Google says when to come back. */
function waitIn({ estimated_time: estimated, retryDelay: delay }: JsonObject): number | null {
  const seconds = countOf(estimated) ?? countOf(textOf(delay)?.replace(/s$/, "") ?? null);
  return seconds === null ? null : Math.ceil(seconds * 1000);
}

/** Returns the words of a page without its tags: what a proxy says is in there. */
function textOfHtml(html: string): string {
  const words: string[] = [];
  // A tag is skipped by its end, so that every character is looked at once.
  for (let at = 0; at < html.length; ) {
    const open = html.indexOf("<", at);
    words.push(html.slice(at, open === -1 ? html.length : open));
    if (open === -1) break;
    const isHidden = /^<(?:script|style)\b/i.test(html.slice(open, open + 8));
    const close = isHidden ? html.indexOf("</", open) : html.indexOf(">", open);
    if (close === -1) break;
    at = isHidden ? close : close + 1;
  }
  return words
    .map((word) => word.trim())
    .filter((word) => word !== "")
    .join(" ");
}

function bounded(text: string): string {
  return text.length <= SERVER_WORDS_CHARACTERS_MAX ? text : text.slice(0, SERVER_WORDS_CHARACTERS_MAX);
}
