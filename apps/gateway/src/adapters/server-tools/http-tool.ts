import { isDeeperThan, type JsonValue } from "@hsafa/protocol";
import type { ToolOutcome } from "../../core/input.ts";
import { deepestMessage } from "../../core/failure-message.ts";
import { FAILURE_MESSAGE_CHARACTERS_MAX, JSON_DEPTH_MAX, TOOL_RESULT_BYTES_MAX } from "../../core/limits.ts";
import { HTTP_TOOL_REDIRECTS_MAX } from "./limits.ts";
import { type HttpServerTool, type PlannedRequest, planHttpRequest } from "./http-request.ts";
import { readBounded } from "./read-bounded.ts";

type Fetch = typeof globalThis.fetch;
type Planned = Extract<PlannedRequest, { kind: "planned" }>;

/** Performs a tool of type `http`: it sends one request, and its response is the result. Never rejects. */
export async function performHttpTool(
  server: HttpServerTool,
  call: { readonly args: JsonValue; readonly idempotencyKey: string; readonly signal: AbortSignal },
  fetch: Fetch,
): Promise<ToolOutcome> {
  const planned = planHttpRequest(server, call.args, call.idempotencyKey);
  if (planned.kind === "refused") return failed(planned.code, planned.message);
  // The query is left out, because it may contain secrets.
  const what = `${planned.method} ${planned.url.origin}${planned.url.pathname}`;
  try {
    const response = await follow(planned, call.signal, fetch);
    if (response === null)
      return failed("too_many_redirects", `${what} was redirected more than ${HTTP_TOOL_REDIRECTS_MAX} times.`);
    if (!response.ok) {
      const { bytes } = await readBounded(response, FAILURE_MESSAGE_CHARACTERS_MAX);
      const excerpt = new TextDecoder().decode(bytes).trim();
      return failed("http_status", `${what} answered ${response.status}${excerpt === "" ? "." : `: ${excerpt}`}`);
    }
    const { bytes, whole } = await readBounded(response, TOOL_RESULT_BYTES_MAX);
    if (!whole) return failed("result_too_large", `${what} answered more than ${TOOL_RESULT_BYTES_MAX} bytes.`);
    return resultOf(bytes, response.headers.get("content-type") ?? "", what);
  } catch (error) {
    if (call.signal.aborted) return failed("canceled", `${what} was given up.`);
    return failed("unreachable", `${what} failed: ${deepestMessage(error)}`);
  }
}

/**
 * Sends the request and follows redirects. `fetch` itself would send the tool's own headers, with their secrets, to
 * another origin. Returns null after too many redirects.
 */
async function follow(planned: Planned, signal: AbortSignal, fetch: Fetch): Promise<Response | null> {
  let { url, method, headers, body } = planned;
  for (let redirects = 0; redirects <= HTTP_TOOL_REDIRECTS_MAX; redirects += 1) {
    const response = await fetch(url, { method, headers, body, signal, redirect: "manual" });
    const location = response.headers.get("location");
    if (location === null || ![301, 302, 303, 307, 308].includes(response.status)) return response;
    await response.body?.cancel();
    const next = new URL(location, url);
    if (next.protocol !== "http:" && next.protocol !== "https:") {
      throw new Error(`it was redirected to '${next.protocol}', which is not followed`);
    }
    if (next.origin !== url.origin) headers = withoutSecrets(headers);
    // By the Fetch standard a POST becomes a GET on 301 and 302, and any method does on 303.
    if ((response.status === 303 && method !== "GET") || ([301, 302].includes(response.status) && method === "POST")) {
      method = "GET";
      body = null;
      headers = new Headers(headers);
      headers.delete("content-type");
    }
    url = next;
  }
  return null;
}

const HARMLESS_HEADERS = ["accept", "content-type", "idempotency-key"];

function withoutSecrets(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => HARMLESS_HEADERS.includes(name)));
}

function resultOf(bytes: Uint8Array, contentType: string, what: string): ToolOutcome {
  if (bytes.length === 0) return { kind: "completed", result: null };
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return failed("not_text", `${what} answered with data that is no text (${contentType || "of unknown type"}).`);
  }
  const isJson = /^[^;]*\b(application|text)\/([^;]*\+)?json\b/i.test(contentType);
  const json = isJson ? parsed(text) : undefined;
  return { kind: "completed", result: json === undefined ? text : json };
}

/** Returns the JSON, or undefined if it is none or nested too deep. Then its text says more than an error would. */
function parsed(text: string): JsonValue | undefined {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isDeeperThan(value, JSON_DEPTH_MAX) ? undefined : value;
  } catch {
    return undefined;
  }
}

function failed(code: string, message: string): ToolOutcome {
  return { kind: "failed", error: { code, message } };
}
