import { errorOf, HsafaError } from "./error.ts";
import { keepToken, type TokenSource } from "./token.ts";

export interface ConnectionOptions {
  /** Where the gateway is: `https://hsafa.example.com`. */
  readonly url: string;
  readonly token: TokenSource;
  /** Another `fetch` than the global one: where that cannot stream (React Native), one that can. */
  readonly fetch?: typeof globalThis.fetch;
}

export interface RequestParams {
  readonly method?: "GET" | "POST" | "DELETE";
  /** `undefined` values are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * How every call reaches the gateway: with a token, which is renewed once when it is refused, and with errors as
 * `HsafaError`.
 */
export interface Connection {
  /** A successful response, unread. */
  open(path: string, params?: RequestParams): Promise<Response>;
  /** The JSON of a successful response; undefined when it has none. */
  call<T>(path: string, params?: RequestParams): Promise<T>;
}

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
    if (params.body !== undefined) headers["content-type"] = "application/json";
    try {
      return await send(base + path + queryOf(params.query), {
        method: params.method ?? "GET",
        headers,
        body: params.body === undefined ? undefined : JSON.stringify(params.body),
        signal: params.signal,
      });
    } catch (error) {
      if (params.signal?.aborted === true) throw error;
      const message = `No answer from ${base}: ${reasonOf(error)}`;
      throw new HsafaError({ code: "network_error", message, cause: error });
    }
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

  return {
    open,
    async call<T>(path: string, params?: RequestParams): Promise<T> {
      const response = await open(path, params);
      const text = await response.text();
      if (text === "") return undefined as T;
      try {
        return JSON.parse(text) as T;
      } catch (error) {
        const message = `${base}${path} answered something that is not JSON; is it a hsafa gateway?`;
        throw new HsafaError({ code: "unexpected_response", message, status: response.status, cause: error });
      }
    },
  };
}

function queryOf(query: RequestParams["query"] = {}): string {
  const parts = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${encodeURIComponent(name)}=${encodeURIComponent(value)}`],
  );
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

/** Node says only "fetch failed", and why in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
}
