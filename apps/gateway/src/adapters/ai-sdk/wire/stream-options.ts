import { PLAIN_STREAMS_REMEMBERED_MAX, REFUSAL_BYTES_MAX } from "../limits.ts";
import { objectOf, parsedJson } from "./parsed-json.ts";
import { readBodyStart } from "./read-body-start.ts";

type Fetch = typeof globalThis.fetch;

/**
 * Remembers which models of a server refuse `stream_options`, the field that asks for the usage of a stream. It is
 * found out by one refusal: the request is then sent again without the field. A refused request had no effect.
 */
export class StreamOptions {
  /** The models that refused it, since a server in front of several servers differs by model. */
  readonly #plain = new Set<string>();

  /** Returns a `fetch` that leaves the field out where it is refused. */
  sendBy(send: Fetch, modelId: string): Fetch {
    return async (url, init) => {
      if (this.#plain.has(modelId)) return send(url, withoutStreamOptions(init));
      const response = await send(url, init);
      if (response.ok) return response;
      const said = await readBodyStart(response, REFUSAL_BYTES_MAX);
      const { status, statusText, headers } = response;
      const plain = /stream_options|include_usage/.test(said) ? withoutStreamOptions(init) : init;
      if (plain === init) return new Response(said, { status, statusText, headers: withoutEncoding(headers) });
      const second = await send(url, plain);
      if (second.ok) this.#remember(modelId);
      return second;
    };
  }

  #remember(modelId: string): void {
    if (this.#plain.size >= PLAIN_STREAMS_REMEMBERED_MAX) this.#plain.clear();
    this.#plain.add(modelId);
  }
}

/** Returns the same request without the field, or the very same if it has none. */
function withoutStreamOptions(init: RequestInit | undefined): RequestInit | undefined {
  const body = typeof init?.body === "string" ? objectOf(parsedJson(init.body)) : null;
  if (body === null || !("stream_options" in body)) return init;
  const { stream_options: _, ...rest } = body;
  return { ...init, body: JSON.stringify(rest) };
}

/** The body has been decoded, and may have been shortened. */
function withoutEncoding(headers: Headers): Headers {
  const kept = new Headers(headers);
  kept.delete("content-encoding");
  kept.delete("content-length");
  return kept;
}
