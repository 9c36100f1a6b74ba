import { type JsonValue, readExactJson } from "@hsafa/protocol";
import type { ServerToolOutcome } from "../../core/input.ts";
import { deepestMessage } from "../../core/failure-message.ts";
import { JSON_DEPTH_MAX, TOOL_RESULT_BYTES_MAX } from "../../core/limits.ts";
import type { Secrets } from "../../ports/secrets.ts";
import { isTargetRefused, TargetRefused } from "../../ports/target-refused.ts";
import { HTTP_TOOL_EXCERPT_BYTES_MAX, HTTP_TOOL_REDIRECTS_MAX } from "./limits.ts";
import { type HttpServerTool, type PlannedRequest, planHttpRequest, type ResolvedHttpTool } from "./http-request.ts";
import { HARMLESS_HEADERS, httpToolCredentials, httpToolSecrets } from "./http-tool-secrets.ts";
import { neverSent } from "./never-sent.ts";
import { putInSecrets } from "./put-in-secrets.ts";
import { readBounded } from "./read-bounded.ts";
import { withoutSecrets } from "./without-secrets.ts";
import type { TenantId } from "../../core/tenant-id.ts";

type Fetch = typeof globalThis.fetch;
type Planned = Extract<PlannedRequest, { kind: "planned" }>;

/**
 * Performs a tool of type `http`: it sends one request, and its response is the result. Never rejects. What failed
 * before the request left has failed, and so has what was answered with a status that is no success. Everything else
 * that goes wrong leaves the outcome unknown: the other side may have acted.
 */
export async function performHttpTool(
  server: HttpServerTool,
  call: HttpToolCall,
  { fetch, secrets, known }: HttpToolDeps,
): Promise<ServerToolOutcome> {
  let ready: Awaited<ReturnType<typeof putInSecrets>>;
  try {
    ready = await putInSecrets(server, call.tenantId, secrets);
  } catch (error) {
    return failed("secret_unavailable", `The tool's secrets could not be read: ${deepestMessage(error)}`);
  }
  if (ready.kind === "refused") return failed("secret_unavailable", ready.message);
  const { server: resolved, values } = ready;
  const outcome = await perform(resolved, call, fetch);
  return withoutSecrets(outcome, {
    inMessages: [...known, ...values, ...httpToolSecrets(resolved)],
    inResults: [...known, ...values, ...httpToolCredentials(resolved)],
  });
}

interface HttpToolCall {
  readonly tenantId: TenantId;
  readonly args: JsonValue;
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

interface HttpToolDeps {
  readonly fetch: Fetch;
  readonly secrets: Secrets;
  /** Values that no tool may tell, whatever it was sent: those of the gateway itself. */
  readonly known: readonly string[];
}

async function perform(server: ResolvedHttpTool, call: HttpToolCall, fetch: Fetch): Promise<ServerToolOutcome> {
  const planned = planHttpRequest(server, call.args, call.idempotencyKey);
  if (planned.kind === "refused") return failed(planned.code, planned.message);
  // The query is left out, because it may contain secrets.
  const what = `${planned.method} ${planned.url.origin}${planned.url.pathname}`;
  try {
    const followed = await follow(planned, call.signal, fetch);
    if (followed.kind === "refused") return failed(followed.code, `${what} ${followed.message}`);
    const { response } = followed;
    if (!response.ok) return failed("http_status", `${what} answered ${response.status}${await excerptOf(response)}`);
    const { bytes, whole } = await readBounded(response, TOOL_RESULT_BYTES_MAX);
    if (!whole) return failed("result_too_large", `${what} answered more than ${TOOL_RESULT_BYTES_MAX} bytes.`);
    return resultOf(bytes, response.headers.get("content-type") ?? "", what);
  } catch (error) {
    const reason = deepestMessage(error);
    if (neverSent(error)) return failed("unreachable", `${what} could not be sent: ${reason}`);
    return {
      kind: "unknown",
      reason: `The answer to ${what} was lost: ${call.signal.aborted ? "it was given up" : reason}`,
    };
  }
}

type Followed =
  | { readonly kind: "response"; readonly response: Response }
  | { readonly kind: "refused"; readonly code: string; readonly message: string };

/**
 * Sends the request and follows redirects. `fetch` itself would send the tool's own headers, with their secrets, to
 * another origin. A redirect is an answer: what it leads to is refused without a doubt about the outcome.
 */
async function follow(planned: Planned, signal: AbortSignal, fetch: Fetch): Promise<Followed> {
  let { url, method, headers, body } = planned;
  for (let redirects = 0; redirects <= HTTP_TOOL_REDIRECTS_MAX; redirects += 1) {
    const response = await send(url, { method, headers, body, signal, redirect: "manual" }, fetch);
    if (response instanceof TargetRefused) {
      const what = redirects === 0 ? "was not sent" : "was redirected, and the redirect was not followed";
      return { kind: "refused", code: "address_refused", message: `${what}: ${response.message}.` };
    }
    const location = response.headers.get("location");
    if (location === null || ![301, 302, 303, 307, 308].includes(response.status))
      return { kind: "response", response };
    await response.body?.cancel();
    const next = URL.canParse(location, url.href) ? new URL(location, url) : null;
    if (next === null || (next.protocol !== "http:" && next.protocol !== "https:")) {
      const where = next === null ? "an address that is no URL" : `'${next.protocol}'`;
      return { kind: "refused", code: "unreachable", message: `was redirected to ${where}, which is not followed.` };
    }
    // `fetch` refuses an address with a user, and the credentials of another service are none of ours.
    next.username = "";
    next.password = "";
    if (next.origin !== url.origin) {
      headers = harmless(headers);
      body = body === null ? null : planned.bodyElsewhere;
    }
    // By the Fetch standard a POST becomes a GET on 301 and 302, and any method does on 303.
    if ((response.status === 303 && method !== "GET") || ([301, 302].includes(response.status) && method === "POST")) {
      method = "GET";
      body = null;
      headers = new Headers(headers);
      headers.delete("content-type");
    }
    url = next;
  }
  const message = `was redirected more than ${HTTP_TOOL_REDIRECTS_MAX} times.`;
  return { kind: "refused", code: "too_many_redirects", message };
}

async function send(url: URL, request: RequestInit, fetch: Fetch): Promise<Response | TargetRefused> {
  try {
    return await fetch(url, request);
  } catch (error) {
    if (isTargetRefused(error)) return new TargetRefused();
    throw error;
  }
}

function harmless(headers: Headers): Headers {
  return new Headers([...headers].filter(([name]) => HARMLESS_HEADERS.includes(name)));
}

/** What a response that is no success says. Its status is the answer, even if the body breaks off. */
async function excerptOf(response: Response): Promise<string> {
  try {
    const { bytes } = await readBounded(response, HTTP_TOOL_EXCERPT_BYTES_MAX);
    const excerpt = new TextDecoder().decode(bytes).trim();
    return excerpt === "" ? "." : `: ${excerpt}`;
  } catch {
    return ".";
  }
}

function resultOf(bytes: Uint8Array, contentType: string, what: string): ServerToolOutcome {
  if (bytes.length === 0) return { kind: "completed", result: null };
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return failed("not_text", `${what} answered with data that is no text (${contentType || "of unknown type"}).`);
  }
  const isJson = /^[^;]*\b(application|text)\/([^;]*\+)?json\b/i.test(contentType);
  const read = isJson ? readExactJson(text, JSON_DEPTH_MAX) : null;
  // JSON that could not be kept exactly, such as an id above 2^53, is shown as its text. So every digit stays.
  return { kind: "completed", result: read?.kind === "json" ? read.value : text };
}

function failed(code: string, message: string): ServerToolOutcome {
  return { kind: "failed", error: { code, message } };
}
