import { describe, expect, test } from "vitest";
import { codeOf, json, perform, type Received, serve } from "../../../test/support/tool-server.ts";
import { secretForms } from "../../core/redact-secrets.ts";
import type { Secrets } from "../../ports/secrets.ts";

describe("secrets of a tool", () => {
  const CRM = "value/of-the crm+secret";
  const secrets: Secrets = {
    resolve: ({ tenantId, name }) =>
      Promise.resolve(
        tenantId === "tenant-1" && name === "crm"
          ? { kind: "found", value: CRM }
          : { kind: "unusable", reason: `The secret '${name}' is not set.` },
      ),
  };
  const server = {
    headers: { authorization: { secret: "crm", prefix: "Bearer " }, "x-tenant": "the-tenant-of-ours" },
    query: { key: { secret: "crm" }, units: "metric-units" },
  };

  test("a reference is sent as its value, in a header and in the query", async () => {
    const { url, received } = await serve(json(1));
    await perform({ url: `${url}/x?a={a}`, ...server }, { a: "1", b: 2 }, undefined, { secrets });
    expect(received).toMatchObject([{ headers: { authorization: `Bearer ${CRM}` }, body: '{"b":2}' }]);
    expect([...new URL(received[0]?.url ?? "", url).searchParams]).toEqual([
      ["a", "1"],
      ["key", CRM],
      ["units", "metric-units"],
    ]);
  });

  test("an argument does not override what the query fixes", async () => {
    const { url, received } = await serve(json(1));
    const outcome = await perform({ url, method: "GET", ...server }, { Units: "imperial" }, undefined, { secrets });
    expect(codeOf(outcome)).toBe("invalid_args");
    expect(received).toEqual([]);
  });

  test("a call whose secret is missing is not sent, and says which one", async () => {
    const { url, received } = await serve(json(1));
    const outcome = await perform({ url, headers: { cookie: { secret: "mail" } } }, {}, undefined, { secrets });
    expect(outcome).toEqual({
      kind: "failed",
      error: { code: "secret_unavailable", message: "The secret 'mail' is not set." },
    });
    expect(received).toEqual([]);
  });

  test("a call is not sent if its secrets cannot be read, and fails without an exception", async () => {
    const broken: Secrets = { resolve: () => Promise.reject(new Error("the store is away")) };
    const outcome = await perform({ url: "http://127.0.0.1/", ...server }, {}, undefined, { secrets: broken });
    expect(outcome).toMatchObject({ kind: "failed", error: { code: "secret_unavailable" } });
  });

  test.each<[string, (sent: Received) => string, string]>([
    ["as JSON", (sent) => JSON.stringify({ headers: sent.headers, url: sent.url }), "application/json"],
    ["as JSON whose slashes are escaped", (sent) => JSON.stringify(sent).replaceAll("/", "\\/"), "application/json"],
    ["as text", (sent) => `${sent.headers.authorization} ${sent.url}`, "text/plain"],
    ["in Base64", (sent) => JSON.stringify(btoa(JSON.stringify(sent.headers))), "application/json"],
    ["in hexadecimal", (sent) => Buffer.from(sent.headers.authorization ?? "").toString("hex"), "text/plain"],
    ["as a name", (sent) => JSON.stringify({ [sent.headers.authorization ?? ""]: 1 }), "application/json"],
  ])("a result does not repeat them, whether the service answers %s", async (_, says, type) => {
    const { url } = await serve((received, response) => response.setHeader("content-type", type).end(says(received)));
    const outcome = await perform({ url, ...server }, {}, undefined, { secrets });
    expect(outcome.kind).toBe("completed");
    const told = JSON.stringify(outcome);
    expect(told).toContain("[key]");
    for (const form of secretForms([CRM])) expect(told).not.toContain(form);
  });

  test("a result keeps what is no secret, and loses the gateway's own keys", async () => {
    const answer = { tenant: "the-tenant-of-ours", units: "metric-units", leak: "key-of-the-gateway-itself", n: 1 };
    const { url } = await serve(json(answer));
    const outcome = await perform({ url, ...server }, {}, undefined, { secrets });
    expect(outcome).toEqual({ kind: "completed", result: { ...answer, leak: "[key]" } });
  });

  test("a credential that stands in the config is removed from results too", async () => {
    const { url } = await serve((received, response) => response.end(JSON.stringify(received.headers)));
    const basic = `Basic ${btoa("robot:password-of-ours")}`;
    for (const [name, value] of [
      ["authorization", "Bearer token-of-ours"],
      ["X-Api-Key", "token-of-ours"],
    ] as const) {
      expect(JSON.stringify(await perform({ url, headers: { [name]: value } }))).not.toContain("token-of-ours");
    }
    expect(JSON.stringify(await perform({ url, headers: { authorization: basic } }))).not.toContain(basic.slice(6));
    const says = await serve((_, response) => response.end("the user robot has the password password-of-ours"));
    const outcome = await perform({ url: says.url, headers: { authorization: basic } });
    expect(JSON.stringify(outcome)).not.toContain("password-of-ours");
  });

  test("a value that a header cannot carry fails without being told", async () => {
    const odd: Secrets = { resolve: () => Promise.resolve({ kind: "found", value: "two\nlines-of-secret" }) };
    const outcome = await perform({ url: "http://127.0.0.1/", ...server }, {}, undefined, { secrets: odd });
    expect(codeOf(outcome)).toBe("invalid_tool");
    expect(JSON.stringify(outcome)).not.toContain("lines-of-secret");
  });

  test("a field that the body fixes is sent, is not overridden, and does not come back", async () => {
    const { url, received } = await serve((sent, response) => response.end(sent.body));
    const body = { token: { secret: "crm" }, team: "the-team" };
    const outcome = await perform({ url, body }, { text: "hello" }, undefined, { secrets });
    expect(received.map((one) => JSON.parse(one.body) as unknown)).toEqual([
      { text: "hello", token: CRM, team: "the-team" },
    ]);
    expect(JSON.stringify(outcome)).toContain("[key]");
    for (const form of secretForms([CRM])) expect(JSON.stringify(outcome)).not.toContain(form);
    for (const name of ["token", "Token", "team"]) {
      expect(codeOf(await perform({ url, body }, { [name]: "x" }, undefined, { secrets }))).toBe("invalid_args");
    }
    expect(received).toHaveLength(1);
  });

  test("a redirect to another origin carries the arguments, and no field that the body fixes", async () => {
    const there = await serve(json("there"));
    const here = await serve((_, response) => response.writeHead(307, { location: `${there.url}/moved` }).end());
    await perform({ url: here.url, body: { token: { secret: "crm" } } }, { text: "hello" }, undefined, { secrets });
    expect(here.received).toMatchObject([{ body: JSON.stringify({ text: "hello", token: CRM }) }]);
    expect(there.received).toMatchObject([{ body: '{"text":"hello"}' }]);
  });

  test("a redirect to another origin carries no secret of the query", async () => {
    const there = await serve(json("there"));
    const here = await serve((_, response) => response.writeHead(307, { location: `${there.url}/moved` }).end());
    await perform({ url: here.url, ...server }, {}, undefined, { secrets });
    expect(there.received).toHaveLength(1);
    expect(JSON.stringify(there.received)).not.toContain("crm");
  });
});
