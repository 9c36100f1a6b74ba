import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { JsonValue } from "@hsafa/protocol";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ServerToolOutcome } from "../../core/input.ts";
import { TOOL_RESULT_BYTES_MAX } from "../../core/limits.ts";
import type { ToolFunction } from "./function-tool.ts";
import type { HttpServerTool } from "./http-request.ts";
import { createServerTools } from "./server-tools.ts";

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}
type Answer = (received: Received, response: ServerResponse) => void;

async function serve(answer: Answer) {
  const received: Received[] = [];
  let closed: () => void = () => {};
  const clientClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const one = { method, url, headers, body: Buffer.concat(parts).toString() };
      received.push(one);
      answer(one, response);
    });
    response.on("close", () => {
      if (!response.writableEnded) closed();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received, clientClosed };
}

function perform(server: Partial<HttpServerTool>, args: JsonValue = {}, signal = new AbortController().signal) {
  return createServerTools().perform({
    server: { type: "http", method: "POST", url: "", ...server },
    toolName: "tool",
    args,
    runId: "run-1",
    idempotencyKey: "call-1",
    signal,
  });
}

const json =
  (value: unknown): Answer =>
  (_, response) => {
    response.setHeader("content-type", "application/json; charset=utf-8").end(JSON.stringify(value));
  };

function codeOf(outcome: ServerToolOutcome): string {
  return outcome.kind === "failed" ? outcome.error.code : outcome.kind;
}

describe("what an http tool sends", () => {
  test("arguments go into the path, percent-encoded, and the rest into the body", async () => {
    const { url, received } = await serve(json({ ok: true }));
    const outcome = await perform(
      { url: `${url}/users/{id}/notes?lang={lang}`, headers: { authorization: "Bearer t" } },
      { id: "a/b ?ü", lang: "d&e", text: "hello", count: 2 },
    );
    expect(outcome).toEqual({ kind: "completed", result: { ok: true } });
    expect(received).toMatchObject([
      {
        method: "POST",
        url: "/users/a%2Fb%20%3F%C3%BC/notes?lang=d%26e",
        headers: { "content-type": "application/json", "idempotency-key": "call-1", authorization: "Bearer t" },
        body: '{"text":"hello","count":2}',
      },
    ]);
  });

  test("a GET has its arguments in the query and no body", async () => {
    const { url, received } = await serve(json(1));
    await perform({ url: `${url}/search?fixed=1`, method: "GET" }, { q: "a b", tags: ["x", "y"], deep: { n: 1 } });
    expect(received).toMatchObject([
      { method: "GET", url: "/search?fixed=1&q=a+b&tags=x&tags=y&deep=%7B%22n%22%3A1%7D", body: "" },
    ]);
    expect(received[0]?.headers).not.toHaveProperty("content-type");
  });

  test.each<[string, string, JsonValue, string]>([
    ["another host", "http://{host}/x", { host: "evil.example" }, "invalid_tool"],
    ["another port", "http://127.0.0.1:{port}/x", { port: 22 }, "invalid_tool"],
    ["the parent folder", "http://127.0.0.1/users/{id}/x", { id: ".." }, "invalid_args"],
    ["the folder itself", "http://127.0.0.1/users/{id}", { id: "." }, "invalid_args"],
    ["the folder itself, encoded by the address", "http://127.0.0.1/users/%2{id}", { id: "e" }, "invalid_args"],
    ["half a character", "http://127.0.0.1/users/{id}", { id: "\ud800" }, "invalid_args"],
    ["half a character that was replaced", "http://127.0.0.1/users?id={id}", { id: "a\ufffd" }, "invalid_args"],
    ["what is never sent", "http://127.0.0.1/users#{id}", { id: "a" }, "invalid_tool"],
    ["a folder that the address leaves again", "http://127.0.0.1/a/{id}/../b", { id: "a" }, "invalid_tool"],
    ["the parent folder in two halves", "http://127.0.0.1/users/{a}{b}/x", { a: ".", b: "." }, "invalid_args"],
    ["the whole collection", "http://127.0.0.1/users/{id}", { id: "" }, "invalid_args"],
    ["nothing in particular", "http://127.0.0.1/users/{id}", {}, "invalid_args"],
    ["a file", "file:///etc/{name}", { name: "passwd" }, "invalid_tool"],
    ["no address", "nonsense", {}, "invalid_tool"],
    ["a list for arguments", "http://127.0.0.1/", [1], "invalid_args"],
  ])("a model cannot make a tool ask for %s", async (_, url, args, code) => {
    expect(codeOf(await perform({ url }, args))).toBe(code);
  });

  test.each(["account", "Account", "account[]", "account.x"])(
    "an argument '%s' does not override a parameter that the address fixes",
    async (name) => {
      const { url, received } = await serve(json(1));
      const server = { url: `${url}/balance?account=42`, method: "GET" } as const;
      expect(codeOf(await perform(server, { [name]: "7" }))).toBe("invalid_args");
      expect(received).toEqual([]);
      expect(codeOf(await perform(server, { other: "7" }))).toBe("completed");
    },
  );

  test("whatever text an argument holds, the server receives exactly this text or nothing at all", async () => {
    const { url, received } = await serve(json(1));
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(".", "..", "%2e", "a/../b", "?", "#", "'()*!", ""),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (id, lang) => {
        received.length = 0;
        const outcome = await perform({ url: `${url}/users/{id}/notes?lang={lang}`, method: "DELETE" }, { id, lang });
        const sent = received.map((one) => new URL(one.url, url));
        const told = sent.map((one) => [one.pathname.split("/").map(decodeURIComponent), [...one.searchParams]]);
        const whole = [["", "users", id, "notes"], [["lang", lang]]];
        expect([codeOf(outcome), told]).toEqual(told.length === 0 ? ["invalid_args", []] : ["completed", [whole]]);
      }),
      { numRuns: 200 },
    );
  });

  test("a header that cannot be sent is a failed outcome, not an exception", async () => {
    expect(codeOf(await perform({ url: "http://127.0.0.1/", headers: { "bad header": "x" } }))).toBe("invalid_tool");
  });
});

describe("what an http tool makes of the answer", () => {
  test.each<[string, string, string, JsonValue]>([
    ["JSON", "application/json", '{"a":[1]}', { a: [1] }],
    ["JSON null", "application/json", "null", null],
    ["JSON by another name", "application/problem+json", '{"a":1}', { a: 1 }],
    ["text", "text/plain", '{"a":1}', '{"a":1}'],
    ["malformed JSON", "application/json", "{oops", "{oops"],
    ["nothing", "text/plain", "", null],
    ["an id that a double would round", "application/json", '{"id":1234567890123456789}', '{"id":1234567890123456789}'],
    ["a number beyond the range of a double", "application/json", "[1e400]", "[1e400]"],
    ["the name __proto__", "application/json", '{"__proto__":1}', '{"__proto__":1}'],
    ["half a character", "application/json", String.raw`{"title":"sunny \ud83d"}`, { title: "sunny \ufffd" }],
    [
      "JSON too deep to be serialised again",
      "application/json",
      "[".repeat(70) + "]".repeat(70),
      "[".repeat(70) + "]".repeat(70),
    ],
  ])("a response with %s becomes the result", async (_, type, body, result) => {
    const { url } = await serve((_received, response) => response.setHeader("content-type", type).end(body));
    expect(await perform({ url })).toEqual({ kind: "completed", result });
  });

  test("a response that is no text is a failure with its media type", async () => {
    const { url } = await serve((_, response) =>
      response.setHeader("content-type", "image/png").end(Buffer.from([0x89, 0xff])),
    );
    expect(await perform({ url })).toMatchObject({
      error: { code: "not_text", message: expect.stringContaining("image/png") as string },
    });
  });

  test("a status other than success is a failure with the beginning of its body, without the query", async () => {
    const { url } = await serve((_, response) => {
      response.statusCode = 422;
      response.end(`no such user ${"x".repeat(100_000)}`);
    });
    const outcome = await perform({ url: `${url}/users?key=secret` });
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "http_status" } });
    const message = outcome.kind === "failed" ? outcome.error.message : "";
    expect(message).toContain("POST");
    expect(message).toContain("422: no such user");
    expect(message).not.toContain("secret");
    expect(message.length).toBeLessThan(2000);
  });

  test("an endless response is cut off at the bound, and its socket is closed (R9)", async () => {
    const { url, clientClosed } = await serve((_, response) => {
      const block = "x".repeat(64 * 1024);
      const more = () => {
        let writable = !response.destroyed;
        while (writable) writable = response.write(block);
      };
      response.on("drain", more);
      more();
    });
    expect(await perform({ url })).toMatchObject({ error: { code: "result_too_large" } });
    await clientClosed;
  });

  test("a response of exactly the bound is accepted", async () => {
    const { url } = await serve((_, response) => response.end("x".repeat(TOOL_RESULT_BYTES_MAX)));
    expect(codeOf(await perform({ url }))).toBe("completed");
  });

  test("a refused connection is a failure with its reason", async () => {
    expect(await perform({ url: "http://127.0.0.1:1/x" })).toMatchObject({ error: { code: "unreachable" } });
  });

  test.each<[string, Answer]>([
    ["before the response", (_, response) => response.destroy()],
    [
      "within the response",
      (_, response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("half", () => setImmediate(() => response.destroy()));
      },
    ],
    ["with garbage", (_, response) => response.socket?.end("HTTP/1.1 oops\r\n\r\n")],
  ])("a connection that ends %s leaves the outcome unknown, since the service may have acted", async (_, answer) => {
    const { url } = await serve(answer);
    const outcome = await perform({ url: `${url}/pay?key=secret` });
    expect(outcome).toMatchObject({
      kind: "unknown",
      reason: expect.stringContaining(`POST ${url}/pay was lost`) as string,
    });
    expect(JSON.stringify(outcome)).not.toContain("secret");
  });

  test("a status that is no success is the answer, even if its body breaks off", async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(422, { "content-length": "100" });
      response.write("half", () => setImmediate(() => response.destroy()));
    });
    expect(codeOf(await perform({ url }))).toBe("http_status");
  });

  test.each<[string, string]>([
    ["a name that does not exist", "http://no-such-name.invalid/"],
    ["a port where nobody listens", "http://127.0.0.1:9/"],
    ["a port that fetch refuses", "http://127.0.0.1:1/"],
  ])("%s is a failure, since nothing was sent", async (_, url) => {
    expect(codeOf(await perform({ url }))).toBe("unreachable");
  });

  test("a TLS handshake that fails is a failure, since nothing was sent", async () => {
    const { url, received } = await serve(json(1));
    expect(codeOf(await perform({ url: url.replace("http:", "https:") }))).toBe("unreachable");
    expect(received).toEqual([]);
  });

  test("an abort settles the call soon and closes its socket", async () => {
    const abort = new AbortController();
    const { url, clientClosed } = await serve(() => abort.abort());
    expect(codeOf(await perform({ url }, {}, abort.signal))).toBe("unknown");
    await clientClosed;
  });
});

describe("redirects", () => {
  test("a redirect to another origin does not carry the tool's own headers", async () => {
    const there = await serve(json("there"));
    const here = await serve((_, response) => response.writeHead(307, { location: `${there.url}/moved` }).end());
    const headers = { authorization: "Bearer secret", "x-api-key": "secret" };
    expect(await perform({ url: here.url, headers }, { a: 1 })).toEqual({ kind: "completed", result: "there" });
    expect(there.received).toMatchObject([
      { method: "POST", url: "/moved", body: '{"a":1}', headers: { "idempotency-key": "call-1" } },
    ]);
    expect(JSON.stringify(there.received)).not.toContain("secret");
  });

  test("a redirect of a POST by 303 is followed with a GET", async () => {
    const { url, received } = await serve((request, response) => {
      if (request.url === "/made") response.end("made");
      else response.writeHead(303, { location: "/made" }).end();
    });
    expect(await perform({ url, headers: { authorization: "t" } })).toEqual({ kind: "completed", result: "made" });
    expect(received).toMatchObject([{ method: "POST" }, { method: "GET", body: "", headers: { authorization: "t" } }]);
  });

  test("a circle of redirects ends at the bound (R9)", async () => {
    const { url, received } = await serve((_, response) => response.writeHead(302, { location: "/again" }).end());
    expect(codeOf(await perform({ url }))).toBe("too_many_redirects");
    expect(received.length).toBeLessThan(10);
  });

  test("a redirect to a scheme other than HTTP is not followed", async () => {
    const { url } = await serve((_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end());
    expect(codeOf(await perform({ url }))).toBe("unreachable");
  });
});

describe("functions of the gateway's own program", () => {
  const call = (functions: Record<string, ToolFunction>, name?: string) =>
    createServerTools({ functions }).perform({
      server: { type: "function", ...(name === undefined ? {} : { name }) },
      toolName: "add",
      args: { a: 1 },
      runId: "run-1",
      idempotencyKey: "call-1",
      signal: new AbortController().signal,
    });

  test("a function is found by the tool's name or its own, and receives the run and the idempotency key (R4)", async () => {
    const add: ToolFunction = (args, { runId, idempotencyKey }) => ({ args, runId, idempotencyKey });
    const result = { args: { a: 1 }, runId: "run-1", idempotencyKey: "call-1" };
    expect(await call({ add })).toEqual({ kind: "completed", result });
    expect(await call({ other: add }, "other")).toEqual({ kind: "completed", result });
  });

  test.each<[string, Record<string, ToolFunction>, string]>([
    ["is not registered", {}, "unknown_function"],
    ["throws", { add: () => Promise.reject(new Error("no")) }, "tool_failed"],
    ["returns a function", { add: () => () => 1 }, "invalid_result"],
    ["returns a big integer", { add: () => 1n }, "invalid_result"],
    ["returns a number that is not finite", { add: () => ({ rate: [Number.NaN] }) }, "invalid_result"],
    ["returns the name __proto__", { add: () => JSON.parse('{"__proto__":1}') as unknown }, "invalid_result"],
  ])("a function that %s is a failure", async (_, functions, code) => {
    expect(codeOf(await call(functions))).toBe(code);
  });

  test("a function without a result returns null, and a circular result does not overflow the stack", async () => {
    expect(await call({ add: () => undefined })).toEqual({ kind: "completed", result: null });
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(codeOf(await call({ add: () => circle }))).toBe("invalid_result");
  });

  test("the names of Object's own methods are no functions", async () => {
    expect(codeOf(await call({}, "toString"))).toBe("unknown_function");
  });
});
