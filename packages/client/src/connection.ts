import { writeExactJson } from "@hsafa/protocol";
import type { WebSocketConstructor } from "./client-socket.ts";
import { errorOf, HsafaError } from "./error.ts";
import { ATTEMPTS_MAX } from "./limits.ts";
import { repeatCall } from "./repeat-call.ts";
import { keepToken, type TokenSource } from "./token.ts";
import { createWatchLink, type WatchLink } from "./watch-link.ts";

/** Which gateway, and with which token. */
export interface ConnectionOptions {
  /** Where the gateway is, such as `https://hsafa.example.com`. */
  readonly url: string;
  /** A key or token, or a function that gets one. */
  readonly token: TokenSource;
  /** Replaces the global `fetch`: one that can stream, where the global one cannot (React Native). */
  readonly fetch?: typeof globalThis.fetch;
  /** Replaces the global `WebSocket`, which brings a page's streams: that of `ws` on Node 20. `null`: none is open. */
  readonly WebSocket?: WebSocketConstructor | null;
}

/** How a single call behaves. */
export interface CallOptions {
  /** Aborts the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** One HTTP request. */
export interface RequestParams extends CallOptions {
  /** `GET` if left out. */
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Fields that are `undefined` are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. A number that is not finite is a TypeError. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** How often `call` sends it at most, if no answer comes; if left out: 4 times for a `GET`, once for others. */
  readonly attemptsMax?: number;
}

/** How every call reaches the gateway: with a token, which is renewed once if it is refused. */
export interface Connection {
  /** Returns a successful response whose body is not read. Rejects with an `HsafaError`, or the signal's reason. */
  open(path: string, params?: RequestParams): Promise<Response>;
  /** Returns the JSON of a successful response; `undefined` if it has none. Rejects as `open` does. */
  call<T>(path: string, params?: RequestParams): Promise<T>;
  /** The WebSocket that streams share. */
  readonly link: WatchLink;
}

/** Makes a connection. Nothing is opened until the first call. */
export function createConnection(options: ConnectionOptions): Connection {
  const base = options.url.replace(/\/+$/, "");
  const tokens = keepToken(options.token);
  // Called without a receiver: browsers refuse a `fetch` that is called as a method of something else.
  const send = options.fetch ?? ((input: string, init?: RequestInit) => globalThis.fetch(input, init));

  async function attempt(token: string, path: string, params: RequestParams): Promise<Response> {
    const headers: Record<string, string> = {
      accept: "application/json",
      ...params.headers,
      authorization: `Bearer ${token}`,
    };
    // Before the try: a body that is no JSON is a mistake of the caller, not of the network.
    const body = writeExactJson(params.body);
    if (body !== undefined) headers["content-type"] = "application/json";
    try {
      return await send(base + path + queryOf(params.query), {
        method: params.method ?? "GET",
        headers,
        body,
        signal: params.signal,
      });
    } catch (error) {
      throw withoutResponse(error, params.signal);
    }
  }

  /** Returns what to throw for a request that failed without an answer: the abort itself, or a network error. */
  function withoutResponse(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return error;
    return new HsafaError({
      code: "network_error",
      message: `No response from ${base}: ${reasonOf(error)}`,
      cause: error,
    });
  }

  async function open(path: string, params: RequestParams = {}): Promise<Response> {
    const token = await tokens.current();
    let response = await attempt(token, path, params);
    if (response.status === 401) {
      const renewed = await tokens.renew(token);
      if (renewed !== null && renewed !== token) {
        await response.body?.cancel();
        response = await attempt(renewed, path, params);
      }
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  }

  async function callOnce<T>(path: string, params: RequestParams): Promise<T> {
    const response = await open(path, params);
    const text = await response.text().catch((error: unknown) => {
      throw withoutResponse(error, params.signal);
    });
    if (text === "") return undefined as T;
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      const message = `The response to ${base}${path} is no JSON; is it a hsafa gateway?`;
      throw new HsafaError({ code: "unexpected_response", message, status: response.status, cause: error });
    }
  }

  return {
    open,
    call<T>(path: string, params: RequestParams = {}): Promise<T> {
      const attemptsMax = params.attemptsMax ?? (params.method === undefined ? ATTEMPTS_MAX : 1);
      return repeatCall(() => callOnce<T>(path, params), { attemptsMax, signal: params.signal });
    },
    link: createWatchLink({ base, tokens, WebSocket: options.WebSocket }),
  };
}

function queryOf(query: RequestParams["query"] = {}): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  );
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

/** Node's error says only "fetch failed"; its cause says why. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}
