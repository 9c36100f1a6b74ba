import fc from "fast-check";
import type { JsonValue } from "@hsafa/protocol";
import { describe, expect, test } from "vitest";
import { noSecrets } from "../../../test/support/no-secrets.ts";
import { type Answer, codeOf, json, perform, type Received, serve } from "../../../test/support/tool-server.ts";
import { TOOL_RESULT_BYTES_MAX } from "../../core/limits.ts";
import type { ToolFunction } from "./function-tool.ts";
import { createServerTools } from "./server-tools.ts";
import { asTenantId } from "../../core/tenant-id.ts";

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
    ["another folder, for a server that decodes it", "http://127.0.0.1/users/{id}", { id: "../admin" }, "invalid_args"],
    ["another folder in the middle", "http://127.0.0.1/users/{id}/x", { id: "a/../../admin" }, "invalid_args"],
    ["another folder on Windows", "http://127.0.0.1/users/{id}", { id: String.raw`..\admin` }, "invalid_args"],
    ["another folder, encoded", "http://127.0.0.1/users/{id}", { id: "%2e%2e" }, "invalid_args"],
    ["another folder, encoded twice", "http://127.0.0.1/users/{id}", { id: "%252e%252e%252fadmin" }, "invalid_args"],
    ["another folder of a servlet", "http://127.0.0.1/users/{id}", { id: "..;x=1" }, "invalid_args"],
    ["another folder behind a dot of the address", "http://127.0.0.1/users/.{id}", { id: "./admin" }, "invalid_args"],
    ["a second line", "http://127.0.0.1/users/{id}", { id: "a\r\nHost: evil" }, "invalid_args"],
    ["a second line, encoded", "http://127.0.0.1/users/{id}", { id: "a%0d%0aHost: evil" }, "invalid_args"],
    ["what ends at a zero byte", "http://127.0.0.1/users/{id}", { id: "a\0" }, "invalid_args"],
    ["a parameter of its own", "http://127.0.0.1/users?a=1&{name}=2", { name: "a" }, "invalid_tool"],
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

  test.each<[string, string, string]>([
    ["a name of a file", "a..b", "/notes/a..b"],
    ["a text with a percent sign", "100%", "/notes/100%25"],
    ["a path of folders", "a/b", "/notes/a%2Fb"],
    ["another host", "//evil.test", "/notes/%2F%2Fevil.test"],
    ["a query", "a?x=1", "/notes/a%3Fx%3D1"],
    ["a fragment", "a#b", "/notes/a%23b"],
    ["credentials", "a@b:c", "/notes/a%40b%3Ac"],
  ])("%s in a path arrives as the text that it is", async (_, id, path) => {
    const { url, received } = await serve(json(1));
    await perform({ url: `${url}/notes/{id}` }, { id });
    expect(received).toMatchObject([{ url: path }]);
  });

  test("a text with lines and dots is sent in a query, where it leads nowhere", async () => {
    const { url, received } = await serve(json(1));
    await perform({ url: `${url}/notes?text={text}`, method: "GET" }, { text: "../a\r\nb" });
    expect(received).toMatchObject([{ url: "/notes?text=..%2Fa%0D%0Ab" }]);
  });

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

  test.each([
    ["as they were sent", (sent: Received) => JSON.stringify(sent.headers) + sent.url],
    [
      "many times, so that the marks leave room",
      (sent: Received) => String(sent.headers["x-api-token"]).repeat(700).slice(0, 8_184),
    ],
  ])("no error repeats the secrets of headers, user and query: a service says them %s", async (_, says) => {
    const { url } = await serve((received, response) => {
      response.statusCode = 400;
      response.end(says(received));
    });
    const outcome = await perform(
      {
        url: `${url.replace("//", "//robot:pass%2Fword%40123@")}/x?sig=signature-of-ours&q={q}`,
        headers: { "X-Api-Token": "token-of-ours-1234", Cookie: "id=cookie-of-ours" },
      },
      { q: "innocent argument" },
    );
    expect(codeOf(outcome)).toBe("http_status");
    const told = JSON.stringify(outcome);
    expect(told).toContain("[key]");
    const basic = Buffer.from("robot:pass/word@123").toString("base64");
    for (const secret of ["token-of-ours", "pass/word@", "pass%2Fword", "signature-of-ours", "cookie-of-ours", basic]) {
      expect(told).not.toContain(secret);
    }
  });

  test("an error about the address itself does not repeat what is secret in it", async () => {
    const noUrl = await perform({ url: "http//robot:password-of-ours@host/?sig=signature-of-ours" });
    expect(codeOf(noUrl)).toBe("invalid_tool");
    const nowhere = await perform({ url: "http://robot:password-of-ours@127.0.0.1:1/?sig=signature-of-ours" });
    expect(codeOf(nowhere)).toBe("unreachable");
    for (const outcome of [noUrl, nowhere]) expect(JSON.stringify(outcome)).not.toMatch(/(password|signature)-of-ours/);
  });

  test("the user and password of an address are sent as Basic, and to no other origin", async () => {
    const elsewhere = await serve(json("there"));
    const { url, received } = await serve((_, response) =>
      response.writeHead(307, { location: elsewhere.url.replace("//", "//other:word@") }).end(),
    );
    const outcome = await perform({ url: url.replace("//", "//robot:pass%40word@") });
    expect(outcome).toEqual({ kind: "completed", result: "there" });
    const basic = `Basic ${Buffer.from("robot:pass@word").toString("base64")}`;
    expect(received[0]?.headers.authorization).toBe(basic);
    expect(elsewhere.received[0]?.headers).not.toHaveProperty("authorization");
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

describe("functions of the gateway's own program", () => {
  const call = (functions: Record<string, ToolFunction>, name?: string) =>
    createServerTools({ functions, fetch, secrets: noSecrets, known: ["key-of-the-gateway-itself"] }).perform({
      tenantId: asTenantId("tenant-1"),
      server: { type: "function", ...(name === undefined ? {} : { name }) },
      toolName: "add",
      args: { a: 1 },
      runId: "run-1",
      idempotencyKey: "call-1",
      signal: new AbortController().signal,
    });

  test("a function tells no key of the gateway, neither in a result nor in an error", async () => {
    const told = (what: string) => `the key is ${what}`;
    expect(await call({ add: () => ({ told: told("key-of-the-gateway-itself") }) })).toEqual({
      kind: "completed",
      result: { told: told("[key]") },
    });
    const failing: ToolFunction = () => {
      throw new Error(told("key-of-the-gateway-itself"));
    };
    expect(await call({ add: failing })).toMatchObject({ kind: "failed", error: { message: told("[key]") } });
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
