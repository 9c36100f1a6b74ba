import type { JsonObject, JsonValue, ServerTool } from "@hsafa/protocol";
import { PATH_DECODINGS_MAX } from "./limits.ts";

export type HttpServerTool = Extract<ServerTool, { type: "http" }>;

/** A tool in which values stand for its secrets. */
export interface ResolvedHttpTool extends Omit<HttpServerTool, "headers" | "query" | "body"> {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, string>>;
}

/** A request to send, or why none can be sent. */
export type PlannedRequest =
  | {
      readonly kind: "planned";
      readonly url: URL;
      readonly method: string;
      readonly headers: Headers;
      readonly body: string | null;
      /** The body without what the author fixed, for another origin. */
      readonly bodyElsewhere: string | null;
    }
  | { readonly kind: "refused"; readonly code: "invalid_args" | "invalid_tool"; readonly message: string };

/**
 * Returns the request of a call. An argument goes where its `{placeholder}` stands. The rest go into the query of a
 * GET, else into a JSON body.
 *
 * A model must not choose where a request goes:
 *
 * 1. Placeholders stand only in the path, and in the values of the query.
 * 2. What is filled in is sent as it is. An argument that URL parsing would drop or change is refused: with '.' for the
 *    id, `DELETE /users/{id}` would become `DELETE /users/`.
 * 3. A parameter or a field that the author fixes is not given a second time. Which of two values counts is up to the
 *    server.
 * 4. Many servers decode a path before they resolve it. An argument that would then lead to another folder, or end a
 *    line, is refused in the path.
 */
export function planHttpRequest(server: ResolvedHttpTool, args: JsonValue, idempotencyKey: string): PlannedRequest {
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
  if (url.username !== "" || url.password !== "") {
    // `fetch` refuses such an address.
    if (!headers.has("authorization")) headers.set("authorization", basicOf(url));
    url.username = "";
    url.password = "";
  }
  if (!headers.has("accept")) headers.set("accept", "application/json, text/*;q=0.9, */*;q=0.1");
  for (const [name, value] of Object.entries(server.query)) url.searchParams.append(name, value);
  const isGet = server.method === "GET";
  const fixed = new Set([...(isGet ? url.searchParams.keys() : Object.keys(server.body))].map(parameterOf));
  const again = Object.keys(rest).find((name) => fixed.has(parameterOf(name)));
  if (again !== undefined) {
    return refused("invalid_args", `The tool fixes '${again}' already; call it without this argument.`); // 3.
  }
  if (isGet) {
    for (const [name, value] of Object.entries(rest)) {
      for (const item of Array.isArray(value) ? value : [value]) url.searchParams.append(name, textOf(item));
    }
    return { kind: "planned", url, method: server.method, headers, body: null, bodyElsewhere: null };
  }
  if (!headers.has("content-type")) headers.set("content-type", "application/json");
  const body = JSON.stringify({ ...rest, ...server.body });
  return { kind: "planned", url, method: server.method, headers, body, bodyElsewhere: JSON.stringify(rest) };
}

/**
 * The parameter that a name in a query means to a lenient server. To some, `account[]`, `account.x` and `Account` are
 * all `account`.
 */
function parameterOf(name: string): string {
  return name.trim().toLowerCase().split(/[[.]/, 1)[0] ?? "";
}

/** The user and the password of an address, as a browser sends them. */
function basicOf({ username, password }: URL): string {
  return `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64")}`;
}

type Filled =
  | { readonly kind: "filled"; readonly url: URL; readonly used: ReadonlySet<string> }
  | Extract<PlannedRequest, { kind: "refused" }>;

const PLACEHOLDER = /\{([^{}]*)\}/g;
/** Stands for a value where the template alone is parsed. It is no part of any sensible address. */
const INERT = "hsafa0value0";

function fill(template: string, args: JsonObject): Filled {
  const names = [...template.matchAll(PLACEHOLDER)].map(([, name = ""]) => name);
  const values: string[] = [];
  for (const name of names) {
    const value = Object.hasOwn(args, name) ? args[name] : undefined;
    // Without a value the URL would name another resource: DELETE /users/{id} must not become DELETE /users/.
    if (value === undefined || value === null || value === "") {
      return refused("invalid_args", `The address needs a value for '${name}'.`);
    }
    const text = textOf(value);
    if (!text.isWellFormed() || text.includes("\ufffd")) {
      return refused("invalid_args", `The argument '${name}' holds half a character, so it names nothing.`);
    }
    values.push(encode(text));
  }

  const plain = parse(replaced(template, () => INERT));
  const url = parse(replaced(template, (index) => values[index] ?? ""));
  if (url === null || plain === null) return refused("invalid_tool", `The tool's address '${template}' is not a URL.`);
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return refused("invalid_tool", `The tool's address must begin with http:// or https://, not '${url.protocol}'.`);
  }
  const isElsewhere = url.origin !== plain.origin || url.username !== plain.username || url.password !== plain.password;
  const around = `${plain.pathname}${plain.search}`.split(INERT);
  const isInName = [...plain.searchParams.keys()].some((name) => name.includes(INERT));
  if (isElsewhere || isInName || around.length !== names.length + 1) {
    return refused(
      "invalid_tool",
      "A placeholder may stand in the path of a tool's address, and in the values of its query, only.",
    ); // 1.
  }
  // 2.
  const expected = around.map((text, index) => text + (values[index] ?? "")).join("");
  if (`${url.pathname}${url.search}` !== expected) {
    return refused("invalid_args", "An argument in the address must not be '.' or '..', nor change its path.");
  }
  // Encoded values hold no slash, so both paths have the same segments.
  const segments = url.pathname.split("/");
  const plainSegments = plain.pathname.split("/");
  if (segments.some((segment, at) => plainSegments[at]?.includes(INERT) === true && leavesItself(segment))) {
    return refused("invalid_args", "An argument in the address must not lead to another folder, nor end a line."); // 4.
  }
  return { kind: "filled", url, used: new Set(names) };
}

/** Whether a segment of a path holds a folder `.` or `..`, or a control character, however often it is decoded. */
function leavesItself(segment: string): boolean {
  let decoded = segment;
  for (let times = 0; times <= PATH_DECODINGS_MAX; times += 1) {
    if (/\p{Cc}/u.test(decoded) || decoded.split(/[/\\]/).some((folder) => /^\.{1,2}(;.*)?$/.test(folder))) return true;
    const next = decoded.replaceAll(/%([0-7][\da-f])/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    if (next === decoded) return false;
    decoded = next;
  }
  return true;
}

function replaced(template: string, valueAt: (index: number) => string): string {
  let index = 0;
  return template.replaceAll(PLACEHOLDER, () => valueAt(index++));
}

/** Encodes all that RFC 3986 reserves. `encodeURIComponent` leaves five of those characters as they are. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
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
