/**
 * The rules of a provider as a check of one request, written from the provider's documents and error messages alone. It
 * knows nothing of how hsafa makes a request. A fake server refuses by it, and the property test asks it.
 */

/** A request as the provider receives it. */
export interface ReceivedCall {
  /** The body as it came, for what `JSON.parse` hides. */
  readonly text: string;
  readonly body: Json;
}

/** What a provider knows beyond the request. */
export interface Knowledge {
  /** Whether this provider made this signature, or this encrypted text, for this model and account. */
  readonly isOwn: (signature: string) => boolean;
}

/** Says what is wrong with a request in the provider's words; null if it is taken. */
export type Rules = (call: ReceivedCall, knowledge: Knowledge) => string | null;

export type Json = Readonly<Record<string, unknown>>;

class Refused extends Error {}

/** Turns a check that throws `Refused` into rules. */
export function rulesOf(check: (call: ReceivedCall, knowledge: Knowledge) => void): Rules {
  return (call, knowledge) => {
    try {
      if (hasLoneSurrogate(call.text)) refuse("The request body is not valid JSON: no low surrogate in string");
      check(call, knowledge);
      return null;
    } catch (error) {
      if (error instanceof Refused) return error.message;
      throw error;
    }
  };
}

export function refuse(message: string): never {
  throw new Refused(message);
}

/** Half of a surrogate pair, as an escape or as it is. */
function hasLoneSurrogate(text: string): boolean {
  return (
    !text.isWellFormed() ||
    /\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])/.test(text) ||
    /(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}/.test(text)
  );
}

export function list(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

export function record(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isBlank(value: unknown): boolean {
  return typeof value !== "string" || value.trim() === "";
}

export function isBase64(value: unknown): boolean {
  return typeof value === "string" && value !== "" && /^[A-Za-z0-9+/_-]+={0,2}$/.test(value);
}
