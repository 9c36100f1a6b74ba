import { REFUSED_FIELDS_REMEMBERED_MAX, REFUSAL_BYTES_MAX } from "../limits.ts";
import { objectOf, parsedJson } from "./parsed-json.ts";
import { readBodyStart } from "./read-body-start.ts";

type Fetch = typeof globalThis.fetch;

/**
 * The fields of a chat completion that some servers refuse, and by which words they say so. One asks for the usage of a
 * stream, the other for an object as the answer.
 */
const OPTIONAL_FIELDS = [
  { name: "stream_options", refusal: /stream_options|include_usage/i },
  { name: "response_format", refusal: /response_format|json_schema|json_object|structured.?output|guided|grammar/i },
] as const;

type FieldName = (typeof OPTIONAL_FIELDS)[number]["name"];

/**
 * Remembers which fields the models of a server refuse. It is found out by one refusal: the request is then sent again
 * without the field. A refused request had no effect.
 */
export class OptionalFields {
  /** What each model refused, since a server in front of several servers differs by model. */
  readonly #refused = new Map<string, readonly FieldName[]>();

  /** Returns a `fetch` that leaves fields out where they are refused. */
  sendBy(send: Fetch, modelId: string): Fetch {
    return async (url, init) => {
      let left = this.#refused.get(modelId) ?? [];
      let request = without(init, left);
      let response = await send(url, request);
      for (let tries = 0; tries < OPTIONAL_FIELDS.length && !response.ok; tries += 1) {
        const said = await readBodyStart(response, REFUSAL_BYTES_MAX);
        const named = OPTIONAL_FIELDS.filter(({ refusal }) => refusal.test(said)).map(({ name }) => name);
        const { status, statusText, headers } = response;
        const plain = without(request, named);
        if (plain === request) return new Response(said, { status, statusText, headers: withoutEncoding(headers) });
        left = [...left, ...named];
        request = plain;
        response = await send(url, request);
        if (response.ok) this.#remember(modelId, left);
      }
      return response;
    };
  }

  #remember(modelId: string, fields: readonly FieldName[]): void {
    if (this.#refused.size >= REFUSED_FIELDS_REMEMBERED_MAX) this.#refused.clear();
    this.#refused.set(modelId, fields);
  }
}

/** Returns the same request without the fields, or the very same if it has none of them. */
function without(init: RequestInit | undefined, fields: readonly FieldName[]): RequestInit | undefined {
  if (fields.length === 0) return init;
  const body = typeof init?.body === "string" ? objectOf(parsedJson(init.body)) : null;
  if (body === null || !fields.some((name) => name in body)) return init;
  const rest = Object.entries(body).filter(([name]) => !(fields as readonly string[]).includes(name));
  return { ...init, body: JSON.stringify(Object.fromEntries(rest)) };
}

/** The body has been decoded, and may have been shortened. */
function withoutEncoding(headers: Headers): Headers {
  const kept = new Headers(headers);
  kept.delete("content-encoding");
  kept.delete("content-length");
  return kept;
}
