import type { JsonObject, JsonValue, ServerTool } from "@hsafa/protocol";

export type HttpServerTool = Extract<ServerTool, { type: "http" }>;

/** A request to send, or why none can be sent. */
export type PlannedRequest =
  | {
      readonly kind: "planned";
      readonly url: URL;
      readonly method: string;
      readonly headers: Headers;
      readonly body: string | null;
    }
  | { readonly kind: "refused"; readonly code: "invalid_args" | "invalid_tool"; readonly message: string };

/**
 * Returns the request of a call. An argument goes where its `{placeholder}` stands. The rest go into the query of a
 * GET, else into a JSON body. A model must not choose where a request goes. So placeholders may stand only in the path
 * and the query, and may not change the number of the path's segments.
 */
export function planHttpRequest(server: HttpServerTool, args: JsonValue, idempotencyKey: string): PlannedRequest {
  if (typeof args !== "object" || args === null || Array.isArray(args)) {
    return refused("invalid_args", "The arguments of an HTTP tool must be an object.");
  }
  const filled = fill(server.url, args);
  if (filled.kind === "refused") return filled;
  const { url, used } = filled;
  const rest = Object.fromEntries(Object.entries(args).filter(([name]) => !used.has(name)));

  let headers: Headers;
  try {
    headers = new Headers(server.headers);
  } catch (error) {
    return refused("invalid_tool", `The tool's headers cannot be sent: ${(error as Error).message}`);
  }
  headers.set("idempotency-key", idempotencyKey);
  if (!headers.has("accept")) headers.set("accept", "application/json, text/*;q=0.9, */*;q=0.1");
  if (server.method === "GET") {
    for (const [name, value] of Object.entries(rest)) {
      for (const item of Array.isArray(value) ? value : [value]) url.searchParams.append(name, textOf(item));
    }
    return { kind: "planned", url, method: server.method, headers, body: null };
  }
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  return { kind: "planned", url, method: server.method, headers, body: JSON.stringify(rest) };
}

type Filled =
  | { readonly kind: "filled"; readonly url: URL; readonly used: ReadonlySet<string> }
  | Extract<PlannedRequest, { kind: "refused" }>;

const PLACEHOLDER = /\{([^{}]*)\}/g;

function fill(template: string, args: JsonObject): Filled {
  const used = new Set<string>();
  const missing: string[] = [];
  const text = template.replaceAll(PLACEHOLDER, (_, name: string) => {
    used.add(name);
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    // Without a value the URL would name another resource: DELETE /users/{id} must not become DELETE /users/.
    if (value === undefined || value === null || value === "") missing.push(name);
    return encodeURIComponent(textOf(value ?? ""));
  });
  if (missing.length > 0) return refused("invalid_args", `The address needs a value for '${missing.join("', '")}'.`);

  const [url, plain] = [parse(text), parse(template.replaceAll(PLACEHOLDER, "x"))];
  if (url === null || plain === null) return refused("invalid_tool", `The tool's address '${template}' is not a URL.`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return refused("invalid_tool", `The tool's address must begin with http:// or https://, not '${url.protocol}'.`);
  }
  if (url.origin !== plain.origin || url.username !== plain.username || url.password !== plain.password) {
    return refused("invalid_tool", "A placeholder may stand in the path and in the query of a tool's address only.");
  }
  // '.' and '..' are not encoded, and URL parsing removes segments for them.
  if (url.pathname.split("/").length !== plain.pathname.split("/").length) {
    return refused("invalid_args", "An argument in the address must not be '.' or '..'.");
  }
  return { kind: "filled", url, used };
}

function parse(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

function textOf(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function refused(code: "invalid_args" | "invalid_tool", message: string): Extract<PlannedRequest, { kind: "refused" }> {
  return { kind: "refused", code, message };
}
