import type { JsonObject, JsonValue } from "@hsafa/protocol";
import { countOf, objectOf } from "./parsed-json.ts";
import { type ServerWords, serverWordsIn } from "./server-words.ts";

/** A server's refusal: by the status of its response, or by an error within the stream of a response. */
export interface Refusal extends Omit<ServerWords, "status"> {
  /** The status of HTTP: of the response, or the one that the error names; null if it names none. */
  readonly status: number | null;
}

/** Returns the error that a frame of a stream says, in whichever shape, or null if it says none. */
export function refusalOf(frame: JsonValue, event: string | null): Refusal | null {
  if (event === "error") return serverWordsIn(frame);
  const object = objectOf(frame);
  if (object === null) return null;
  if (isSaid(object.error) || object.type === "error" || object.object === "error") return serverWordsIn(object);
  if (object.type === "response.failed") return failedResponse(object);
  const choice = Array.isArray(object.choices) ? objectOf(object.choices[0]) : null;
  if (choice !== null && isSaid(choice.error)) return serverWordsIn(choice);
  return isBareError(object) ? serverWordsIn(object) : null;
}

/** Many servers send `error: null` with every chunk. */
function isSaid(error: JsonValue | undefined): boolean {
  if (typeof error === "object" && error !== null) return Object.keys(error).length > 0;
  return error !== undefined && error !== null && error !== false && error !== "";
}

/** A response that failed without an error was cut, and says so in another field. */
function failedResponse(event: JsonObject): Refusal | null {
  const response = objectOf(event.response);
  return isSaid(response?.error) || objectOf(response?.incomplete_details) === null ? serverWordsIn(event) : null;
}

/** An error without a name of its own, such as FastAPI's `detail`: it says nothing of an answer. */
function isBareError(object: JsonObject): boolean {
  if ("choices" in object || "candidates" in object || "usageMetadata" in object || "usage" in object) return false;
  if (typeof object.type === "string") return false;
  const status = countOf(object.code) ?? countOf(object.status) ?? countOf(object.statusCode);
  return "detail" in object || (status !== null && status >= 400);
}
