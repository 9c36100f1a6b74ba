import {
  APICallError,
  InvalidArgumentError,
  InvalidPromptError,
  LoadAPIKeyError,
  NoSuchModelError,
  UnsupportedFunctionalityError,
} from "@ai-sdk/provider";
import type { ModelFailure, ModelFailureKind } from "../../core/input.ts";
import { failureMessage, deepestMessage } from "../../core/failure-message.ts";
import type { ProviderAccess } from "./providers.ts";
import { StepTooLargeError } from "./step-recorder.ts";

interface FailureContext {
  readonly provider: string;
  readonly access: ProviderAccess & { readonly keyVariable: string | null };
  /** Milliseconds since the epoch; a `retry-after` may be a date. */
  readonly now: number;
}

/**
 * Returns what an error of the SDK, of `fetch` or of a provider's stream means for the run. The message helps a person
 * and holds no secret.
 */
export function describeFailure(error: unknown, context: FailureContext): ModelFailure {
  const { kind, message, retryAfterMs } = classify(error, context);
  return {
    kind,
    message: failureMessage(redacted(message, context.access.apiKey)),
    retryAfterMs: retryAfterMs ?? null,
  };
}

type Classified = { readonly kind: ModelFailureKind; readonly message: string; readonly retryAfterMs?: number | null };

function classify(error: unknown, context: FailureContext): Classified {
  const { provider } = context;
  if (error instanceof StepTooLargeError) return { kind: "other", message: error.message };
  if (NoSuchModelError.isInstance(error)) return { kind: "unknown_model", message: error.message };
  if (LoadAPIKeyError.isInstance(error)) return { kind: "unauthorized", message: error.message };
  if (APICallError.isInstance(error)) {
    const { statusCode } = error;
    if (statusCode !== undefined && statusCode >= 400) {
      const reason = { statusCode, message: error.message, signs: `${error.message} ${error.responseBody ?? ""}` };
      return classifyStatus(reason, context, retryAfterMsOf(error.responseHeaders ?? {}, context.now));
    }
    // Without a status the provider was never reached. With a good one the answer broke off or was malformed.
    return { kind: "network", message: `${provider} could not be reached or broke off: ${deepestMessage(error)}` };
  }
  if (
    UnsupportedFunctionalityError.isInstance(error) ||
    InvalidPromptError.isInstance(error) ||
    InvalidArgumentError.isInstance(error)
  ) {
    return { kind: "bad_request", message: `${provider} cannot be asked this: ${error.message}` };
  }
  if (error instanceof Error) return classifyThrown(error, context);
  const reason = reasonOfStreamError(error);
  return classifyStatus(reason, context, null);
}

interface Reason {
  readonly statusCode: number;
  readonly message: string;
  /** All that the provider said about the error, in which its own codes are looked for. */
  readonly signs: string;
}

function classifyStatus(reason: Reason, context: FailureContext, retryAfterMs: number | null): Classified {
  const { statusCode, signs } = reason;
  const said = reason.message === "" ? "." : `: ${reason.message}`;
  const answered = `${context.provider} answered ${statusCode}`;
  if (statusCode === 401 || statusCode === 403) {
    const { keyVariable } = context.access;
    const advice = keyVariable === null ? "" : ` Check ${keyVariable}.`;
    return { kind: "unauthorized", message: `${answered}${said}${advice}` };
  }
  if (statusCode === 429) {
    // Waiting does not refill an empty account.
    if (signs.includes("insufficient_quota")) return { kind: "other", message: `${answered}${said}` };
    return { kind: "rate_limited", message: `${answered} (too many requests)${said}`, retryAfterMs };
  }
  if (statusCode >= 500 || statusCode === 408) {
    return { kind: "overloaded", message: `${answered}${said}`, retryAfterMs };
  }
  const unknownModel = /model_not_found|models?\b.*\b(not found|does not exist)/i.test(signs);
  if (unknownModel || (statusCode === 404 && /model/i.test(signs))) {
    return { kind: "unknown_model", message: `${answered}${said}` };
  }
  return { kind: "bad_request", message: `${answered}${said}` };
}

/** Classifies what the SDK throws itself, by name, because most of its classes are not exported. */
function classifyThrown(error: Error, { provider }: FailureContext): Classified {
  if (error.name === "AI_MissingToolResultsError" || error.name === "AI_InvalidDataContentError") {
    return { kind: "bad_request", message: `${provider} cannot be asked this: ${error.message}` };
  }
  // An event within an answer is malformed: the connection, or a proxy on it, garbled the stream.
  const garbled = /^AI_(JSONParse|TypeValidation|InvalidResponseData|EmptyResponseBody|NoContentGenerated)Error$/.test(
    error.name,
  );
  if (garbled || isNetworkError(error)) {
    return { kind: "network", message: `${provider} could not be reached or broke off: ${deepestMessage(error)}` };
  }
  return { kind: "other", message: `the call of ${provider} failed: ${error.message}` };
}

/** `fetch` fails with a TypeError, and its cause bears the socket's code. */
function isNetworkError(error: Error): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string" && /^(E[A-Z]{3,}|UND_ERR_)/.test(cause.code)) return true;
    if (cause instanceof TypeError && /^(fetch failed|terminated)$/.test(cause.message)) return true;
  }
  return false;
}

/** Reads an error that came within a 200 response. Each provider has its own shape; this uses what they share. */
function reasonOfStreamError(error: unknown): Reason {
  if (typeof error === "string") return { statusCode: 500, message: error, signs: error };
  const outer = recordOf(error);
  const inner = recordOf(recordOf(outer.response).error ?? outer.error ?? outer);
  const text = (...values: unknown[]) => values.find((value) => typeof value === "string") ?? "";
  const signs = [inner.type, inner.code, inner.status, outer.type, outer.code]
    .filter((sign) => typeof sign === "string")
    .join(" ");
  const explicit = [inner.statusCode, outer.statusCode, inner.status, inner.code, outer.code].map(Number);
  const statusCode = explicit.find((code) => code >= 400 && code <= 599) ?? statusBySign(signs);
  return { statusCode, message: text(inner.message, outer.message), signs: `${signs} ${text(inner.message)}` };
}

const SIGNS: readonly (readonly [RegExp, number])[] = [
  [/rate_limit|quota|resource_exhausted/i, 429],
  [/overload/i, 529],
  [/authentication|unauthenticated/i, 401],
  [/permission/i, 403],
  [/not_found/i, 404],
  [/invalid|bad_request|context_length/i, 400],
];

function statusBySign(signs: string): number {
  return SIGNS.find(([pattern]) => pattern.test(signs))?.[1] ?? 500;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/**
 * Returns the milliseconds to wait: from `retry-after-ms`, else from `retry-after` in seconds or as an HTTP date (RFC
 * 9110, 10.2.3). Null if both are absent or unreadable.
 */
function retryAfterMsOf(headers: Readonly<Record<string, string>>, now: number): number | null {
  const inMs = Number.parseFloat(headers["retry-after-ms"] ?? "");
  if (inMs >= 0) return Math.ceil(inMs);
  const text = headers["retry-after"]?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number.parseFloat(text) * 1000);
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** Removes API keys: providers quote the key that they refuse, in part or whole. */
function redacted(message: string, apiKey: string | undefined): string {
  // A server on one's own machine takes any word for a key. So short a word may be an innocent part of the message.
  const withoutOurs = apiKey === undefined || apiKey.length < 8 ? message : message.replaceAll(apiKey, "[key]");
  return withoutOurs.replaceAll(/\b(?:sk|xai|gsk|AIza)[-_][-_A-Za-z0-9*.]{6,}|\bAIza[-_A-Za-z0-9*]{6,}/g, "[key]");
}
