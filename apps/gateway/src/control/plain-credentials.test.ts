import type { JsonObject } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { credentialsIn, maskCredentials, masksAmong, plainCredentials } from "./plain-credentials.ts";

const withServer = (server: JsonObject): JsonObject => ({
  name: "a",
  model: "demo/echo",
  tools: [{ name: "t", inputSchema: { type: "object", properties: { password: { const: "x" } } }, server }],
});
const http = (more: JsonObject): JsonObject => withServer({ type: "http", url: "https://example.com/", ...more });

test.each<[string, JsonObject, string, JsonObject]>([
  [
    "a header by its name",
    { headers: { Authorization: "Bearer abc" } },
    "headers.Authorization",
    { headers: { Authorization: "***" } },
  ],
  [
    "a header by its value",
    { headers: { "x-odd": "Bearer abcdefgh1234" } },
    "headers.x-odd",
    { headers: { "x-odd": "***" } },
  ],
  [
    "a header with a dot",
    { headers: { "x.api-key": "abc" } },
    'headers."x.api-key"',
    { headers: { "x.api-key": "***" } },
  ],
  ["a parameter", { query: { api_key: "abc", unit: "m" } }, "query.api_key", { query: { api_key: "***", unit: "m" } }],
  ["a field of the body", { body: { token: "abc" } }, "body.token", { body: { token: "***" } }],
  ["a user", { url: "https://me:pass@example.com/a" }, "url", { url: "https://***@example.com/a" }],
  ["a user with an at sign", { url: "https://me:p@ss@example.com/a@b" }, "url", { url: "https://***@example.com/a@b" }],
  [
    "a parameter of the address",
    { url: "https://example.com/{id}?a=1&access%5Ftoken=abc&b={b}#x" },
    "url",
    { url: "https://example.com/{id}?a=1&access%5Ftoken=***&b={b}#x" },
  ],
])("%s that is a credential is warned of, and shown as a mask", (_, server, path, masked) => {
  const config = http(server);
  expect(plainCredentials(credentialsIn(config)).map((warning) => warning.path)).toEqual([
    `config.tools.0.server.${path}`,
  ]);
  expect(maskCredentials(config)).toEqual(http(masked));
  expect(masksAmong(credentialsIn(config))).toEqual([]);
});

test.each<[string, JsonObject]>([
  ["references", { headers: { authorization: { secret: "crm" } }, query: { key: { secret: "crm" } } }],
  ["harmless headers", { headers: { accept: "text/plain", "User-Agent": "hsafa", "content-type": "text/plain" } }],
  ["placeholders", { url: "https://example.com/?token={token}" }],
  ["a plain address", { url: "https://example.com/@handle?unit=m" }],
])("%s are shown as they are, without a warning", (_, server) => {
  const config = http(server);
  expect(plainCredentials(credentialsIn(config))).toEqual([]);
  expect(maskCredentials(config)).toBe(config);
});

test("a header that may be a credential is masked, and nobody is warned without a reason", () => {
  const config = http({ headers: { "x-tenant": "acme" } });
  expect(plainCredentials(credentialsIn(config))).toEqual([]);
  expect(maskCredentials(config)).toEqual(http({ headers: { "x-tenant": "***" } }));
});

test("credentials in options of a provider are found however deep, and its other options stay", () => {
  const config = {
    settings: { providerOptions: { x: { user: "me", deep: [{ apiKey: "abc" }], promptCacheKey: "k" } } },
  };
  expect(plainCredentials(credentialsIn(config)).map(({ path }) => path)).toEqual([
    "config.settings.providerOptions.x.deep.0.apiKey",
  ]);
  expect(maskCredentials(config)).toEqual({
    settings: { providerOptions: { x: { user: "me", deep: [{ apiKey: "***" }], promptCacheKey: "k" } } },
  });
});

test("each mask of a shown config is found, so that it is not pushed for the credential that it hid", () => {
  const config: JsonObject = {
    ...http({
      url: "https://me:pass@example.com/?token=abc",
      headers: { "x-tenant": "acme", accept: "text/plain" },
      query: { key: "abc" },
    }),
    settings: { providerOptions: { x: { apiKey: "abc" } } },
  };
  expect(masksAmong(credentialsIn(maskCredentials(config))).map(({ path }) => path)).toEqual([
    "config.tools.0.server.url",
    "config.tools.0.server.headers.x-tenant",
    "config.tools.0.server.query.key",
    "config.settings.providerOptions.x.apiKey",
  ]);
});

test.each<[string, JsonObject]>([
  ["no tools", { name: "a" }],
  ["tools that are no list", { tools: "x" }],
  [
    "servers that are no objects",
    { tools: [null, 1, { server: "x" }, { server: { headers: [], query: 1, url: {} } }] },
  ],
])("a config with %s is shown as it is", (_, config) => {
  expect(maskCredentials(config)).toBe(config);
});
