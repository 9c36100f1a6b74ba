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
import { redactSecrets } from "../../core/redact-secrets.ts";
import { exceedsContext } from "./exceeds-context.ts";
import type { ProviderAccess } from "./providers.ts";
import { SERVER_WORDS_CHARACTERS_MAX } from "./limits.ts";
import { StepTooLargeError } from "./step-recorder.ts";
import { StreamTooLargeError } from "./wire/frame-reader.ts";
import type { WireEnd } from "./wire/wire-end.ts";
import type { Refusal } from "./wire/refusal.ts";
import { retryAfterMsOf } from "./wire/retry-after.ts";

interface FailureContext {
  readonly provider: string;
  readonly access: ProviderAccess & { readonly keyVariable: string | null };
  /** Milliseconds since the epoch; a `retry-after` may be a date. */
  readonly now: number;
}

type Classified = {
  readonly kind: ModelFailureKind;
  readonly message: string;
  readonly retryAfterMs?: number | null;
  readonly isLoading?: boolean;
};

/**
 * Returns what an error of the SDK or of `fetch` means for the run. The message helps a person and holds no secret.
 */
export function describeFailure(error: unknown, context: FailureContext): ModelFailure {
  return failureOf(classifyError(error, context), context);
}

/** Returns what the end of a connection means for the run, or null if it is no failure. */
export function describeWireEnd(end: WireEnd, context: FailureContext): ModelFailure | null {
  const { provider } = context;
  switch (end.kind) {
    case "open":
    case "finished":
      return null;
    case "refused":
      return failureOf(classifyRefusal(end.refusal, context), context);
    case "torn": {
      if (end.error !== null) return describeFailure(end.error, context);
      const message = `The stream from ${provider} broke off before the model had finished.`;
      return failureOf({ kind: "network", message }, context);
    }
    case "foreign": {
      const message = `${provider} sent a response that is no answer in its API: '${end.said}'. Check its base URL.`;
      return failureOf({ kind: "bad_response", message }, context);
    }
    default:
      return end satisfies never;
  }
}

function failureOf({ kind, message, retryAfterMs, isLoading }: Classified, { access }: FailureContext): ModelFailure {
  // Bounded before any pattern sees it, since a library may quote a whole request.
  const bounded = message.slice(0, SERVER_WORDS_CHARACTERS_MAX);
  return {
    kind: exceedsContext(kind, bounded) ? "context_exceeded" : kind,
    message: failureMessage(redactSecrets(bounded, secretsOf(access))),
    retryAfterMs: retryAfterMs ?? null,
    ...(isLoading === true ? { isLoading } : {}),
  };
}

/** The key, and what a base URL may carry: a password, and keys in its query. */
function secretsOf({ apiKey, baseUrl }: ProviderAccess): string[] {
  const url = baseUrl !== undefined && URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  const carried = url === null ? [] : [decodeURIComponent(url.password), ...url.searchParams.values()];
  return [...(apiKey === undefined ? [] : [apiKey]), ...carried];
}

function classifyError(error: unknown, context: FailureContext): Classified {
  const { provider } = context;
  if (error instanceof StepTooLargeError) return { kind: "other", message: error.message };
  if (NoSuchModelError.isInstance(error)) return { kind: "unknown_model", message: error.message };
  if (LoadAPIKeyError.isInstance(error)) return { kind: "unauthorized", message: error.message };
  if (APICallError.isInstance(error)) {
    const { statusCode: status = 0, responseHeaders, message } = error;
    // Without a status the provider was never reached. With a good one its answer broke off.
    if (status < 400) return unreachable(error, provider);
    const retryAfterMs = retryAfterMsOf(new Headers(responseHeaders), context.now);
    return classifyRefusal({ message, signs: "", status, retryAfterMs }, context);
  }
  if (
    UnsupportedFunctionalityError.isInstance(error) ||
    InvalidPromptError.isInstance(error) ||
    InvalidArgumentError.isInstance(error)
  ) {
    return { kind: "bad_request", message: `${provider} cannot be asked this: ${error.message}` };
  }
  return error instanceof Error
    ? classifyThrown(error, context)
    : { kind: "other", message: `the call of ${provider} failed: ${String(error)}` };
}

function unreachable(error: Error, provider: string): Classified {
  const message = `${provider} could not be reached or broke off: ${deepestMessage(error)}`;
  // A server of one's own listens only once it has loaded its model: vLLM, and Ollama that is being started.
  const isLoading = provider === "openai-compatible" && isNobodyListening(error);
  return { kind: "network", message, isLoading };
}

/** Whether the host is there and nobody listens, at none of its addresses. */
function isNobodyListening(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && error.code === "ECONNREFUSED") return true;
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(isNobodyListening);
  return isNobodyListening(error.cause);
}

/** Classifies what the SDK throws itself, by name, because most of its classes are not exported. */
function classifyThrown(error: Error, { provider }: FailureContext): Classified {
  if (error.name === "AI_MissingToolResultsError" || error.name === "AI_InvalidDataContentError") {
    return { kind: "bad_request", message: `${provider} cannot be asked this: ${error.message}` };
  }
  // The server said something that its API does not. To ask again would bring the same.
  if (error instanceof StreamTooLargeError || isSchemaFault(error)) {
    return { kind: "bad_response", message: `${provider} answered what is not its API: ${deepestMessage(error)}` };
  }
  if (isNetworkError(error)) return unreachable(error, provider);
  return { kind: "other", message: `the call of ${provider} failed: ${error.message}` };
}

/** Whether the SDK could not read what the server said. It is no fault of the network. */
export function isSchemaFault(error: unknown): boolean {
  return (
    error instanceof Error &&
    /^AI_(JSONParse|TypeValidation|InvalidResponseData|EmptyResponseBody|NoContentGenerated)Error$/.test(error.name)
  );
}

/** `fetch` fails with a TypeError, and its cause bears the socket's code. */
function isNetworkError(error: Error): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string" && /^(E[A-Z]{3,}|UND_ERR_)/.test(cause.code)) return true;
    if (cause instanceof TypeError && /^(fetch failed|terminated)$/.test(cause.message)) return true;
  }
  return false;
}

function classifyRefusal(refusal: Refusal, context: FailureContext): Classified {
  const { retryAfterMs } = refusal;
  // Bounded before any pattern sees it.
  const message = refusal.message.slice(0, SERVER_WORDS_CHARACTERS_MAX);
  const signs = `${refusal.signs} ${message}`;
  const statusCode = refusal.status ?? statusBySign(signs);
  const said = message === "" ? "." : `: ${message}`;
  const answered = `${context.provider} answered ${statusCode}`;
  if (statusCode === 401 || statusCode === 403) {
    const { keyVariable } = context.access;
    const advice = keyVariable === null ? "" : ` Check ${keyVariable}.`;
    return { kind: "unauthorized", message: `${answered}${said}${advice}` };
  }
  if (statusCode >= 300 && statusCode < 400) return { kind: "bad_response", message: `${answered}${said}` };
  if (saysLoading(statusCode, message)) {
    return { kind: "overloaded", message: `${answered}${said}`, retryAfterMs, isLoading: true };
  }
  if (statusCode === 429) {
    // Waiting does not refill an empty account.
    if (signs.includes("insufficient_quota")) return { kind: "other", message: `${answered}${said}` };
    return { kind: "rate_limited", message: `${answered} (too many requests)${said}`, retryAfterMs };
  }
  if (statusCode >= 500 || statusCode === 408) {
    return { kind: "overloaded", message: `${answered}${said}`, retryAfterMs };
  }
  if (saysUnknownModel(signs) || (statusCode === 404 && /model/i.test(signs))) {
    return { kind: "unknown_model", message: `${answered}${said}` };
  }
  return { kind: "bad_request", message: `${answered}${said}` };
}

/** Whether waiting may be all it takes: the server is there, and its model is not yet. */
function saysLoading(statusCode: number, message: string): boolean {
  // RFC 9110, 15.6.4: the server is unable for a while. llama.cpp, vLLM and Hugging Face say it while they load.
  if (statusCode === 503) return true;
  if (![400, 409, 425, 429, 500, 502, 504].includes(statusCode)) return false;
  if (/\b(?:fail|failed|error|cannot|could not|unable)\b/i.test(message)) return false;
  return /\bloading (?:the )?model\b|\b(?:is|still|currently|being) (?:being )?(?:loading|loaded|starting|warming up)\b/i.test(
    message,
  );
}

/** By position instead of one pattern with `.*`, which is quadratic in a text that repeats the word. */
function saysUnknownModel(signs: string): boolean {
  if (/model_not_found/i.test(signs)) return true;
  const model = signs.search(/\bmodels?\b/i);
  return model !== -1 && /\b(?:not found|does not exist)\b/i.test(signs.slice(model));
}

const SIGNS: readonly (readonly [RegExp, number])[] = [
  [/insufficient_quota|rate_?limit|quota|resource_exhausted/i, 429],
  [/overload/i, 529],
  [/\bunavailable/i, 503],
  [/authentication|unauthenticated/i, 401],
  [/permission/i, 403],
  [/not_found/i, 404],
  [/invalid|bad_?request|context_length|context_size|context length|context window/i, 400],
];

/** An error within a stream names a status seldom. */
function statusBySign(signs: string): number {
  return SIGNS.find(([pattern]) => pattern.test(signs))?.[1] ?? 500;
}
