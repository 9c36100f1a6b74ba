import type { Agent } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiGateway, MISSING_ID, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";

let gateway: ApiGateway;
beforeAll(async () => {
  gateway = await startApiGateway();
});
afterAll(() => gateway.close());

test("a config pushed again in another key order is the same version", async () => {
  const config = {
    name: "pushed",
    model: "demo/echo",
    tools: [{ name: "t", inputSchema: { type: "object", required: ["a"] } }],
  };
  const first = await gateway.call("POST", "/api/agents", { name: "pushed", config });
  expect(first).toMatchObject({ status: 201, body: { created: true, version: "1" } });
  expect(first.body.configHash).toMatch(/^[0-9a-f]{64}$/);
  const { tools, model, name } = config;
  const again = await gateway.call("POST", "/api/agents", { config: { tools, model, name }, name: "pushed" });
  expect(again).toMatchObject({ status: 200, body: { ...first.body, created: false } });
});

test("the $schema that an editor wants is no part of the config", async () => {
  const config = { name: "edited", model: "demo/echo" };
  const first = await gateway.call("POST", "/api/agents", { name: "edited", config });
  const again = await gateway.call("POST", "/api/agents", {
    name: "edited",
    config: { $schema: "./a.json", ...config },
  });
  expect(again).toMatchObject({ status: 200, body: { ...first.body, created: false } });
});

test("a new version is promoted unless told otherwise, and an old one can be promoted back", async () => {
  const first = await gateway.pushAgent({ name: "versions", model: "demo/echo" });
  const second = await gateway.call("POST", "/api/agents", {
    name: "versions",
    config: { name: "versions", model: "demo/hello" },
    promote: false,
  });
  expect(second.status).toBe(201);
  const found = await gateway.call<Agent>("GET", "/api/agents/versions");
  expect(found.body.currentVersion?.id).toBe(first.versionId);
  const promoted = await gateway.call<Agent>("POST", `/api/agents/${first.agentId}/promote`, {
    versionId: second.body.versionId,
  });
  expect(promoted).toMatchObject({ status: 200, body: { currentVersion: { id: second.body.versionId } } });
  const versions = await gateway.call<{ data: { id: string }[] }>("GET", "/api/agents/versions/versions");
  expect(versions.body.data.map(({ id }) => id)).toEqual([second.body.versionId, first.versionId]);
  const version = await gateway.call("GET", `/api/agents/versions/versions/${first.versionId}`);
  expect(version).toMatchObject({ status: 200, body: { config: { name: "versions", model: "demo/echo" } } });
  expectProblem(
    await gateway.call("POST", "/api/agents/versions/promote", { versionId: MISSING_ID }),
    404,
    "not_found",
  );
});

test("who does not write configs reads agents without them", async () => {
  const { versionId } = await gateway.pushAgent({ name: "discreet", model: "demo/echo", system: "our secret recipe" });
  const reader = await gateway.createToken({ scopes: ["runs:read"] });
  const writer = await gateway.createToken({ scopes: ["agents:write"] });
  for (const path of ["", "/discreet", "/discreet/versions", `/discreet/versions/${versionId}`]) {
    const read = await gateway.call("GET", `/api/agents${path}`, undefined, { credential: reader });
    expect(read.status).toBe(200);
    expect(JSON.stringify(read.body)).not.toContain("recipe");
    const written = await gateway.call("GET", `/api/agents${path}`, undefined, { credential: writer });
    expect(JSON.stringify(written.body)).toContain("recipe");
  }
});

test("a list read page by page has every agent once", async () => {
  const pages = await gateway.readPages<Agent>("/api/agents", 1);
  expect(pages.map(({ length }) => length)).toEqual(pages.map(() => 1));
  const names = pages.flat().map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["echo", "external", "approved"]));
  expect(new Set(names).size).toBe(names.length);
});

test("every fault of a config is reported with its path", async () => {
  const bad = {
    name: "bad",
    model: "acme/one",
    temprature: 1,
    tools: [
      { name: "no good", inputSchema: {} },
      { name: "mcp", inputSchema: {}, server: { type: "mcp" } },
    ],
  };
  const problem = expectProblem(
    await gateway.call("POST", "/api/agents", { name: "bad", config: bad }),
    422,
    "invalid_agent_config",
  );
  const paths = problem.errors?.map(({ path }) => path);
  expect(paths).toEqual(
    expect.arrayContaining(["config.model", "config.temprature", "config.tools.0.name", "config.tools.1.server.type"]),
  );
});

test("a tool's schema that is no JSON Schema, and a name other than the config's, are refused", async () => {
  const schema = { name: "bad", model: "demo/echo", tools: [{ name: "t", inputSchema: { type: "nonsense" } }] };
  const noSchema = expectProblem(
    await gateway.call("POST", "/api/agents", { name: "bad", config: schema }),
    422,
    "invalid_agent_config",
  );
  expect(noSchema.errors).toMatchObject([{ path: "config.tools.0.inputSchema" }]);
  const other = expectProblem(
    await gateway.call("POST", "/api/agents", { name: "bad", config: { name: "worse", model: "demo/echo" } }),
    422,
    "invalid_agent_config",
  );
  expect(other.errors).toMatchObject([{ path: "config.name" }]);
});

test("a credential in a config is warned of, masked wherever the config is shown, and no reason for a new version", async () => {
  const server = {
    type: "http",
    url: "https://me:url-password@example.com/",
    headers: { authorization: "Bearer head" },
  };
  const config = { name: "plain", model: "demo/echo", tools: [{ name: "t", inputSchema: { type: "object" }, server }] };
  const push = (pushed: object) => gateway.call("POST", "/api/agents", { name: "plain", config: pushed });
  const first = await push(config);
  const paths = ["config.tools.0.server.url", "config.tools.0.server.headers.authorization"];
  expect(first).toMatchObject({ status: 201, body: { warnings: paths.map((path) => ({ path })) } });
  const again = await push(config);
  expect(again).toMatchObject({ status: 200, body: { configHash: first.body.configHash, warnings: { length: 2 } } });
  const { agentId, versionId } = first.body as { agentId: string; versionId: string };
  const shown = [
    await gateway.call<Agent>("GET", "/api/agents/plain"),
    await gateway.call("GET", "/api/agents?limit=200"),
    await gateway.call("GET", "/api/agents/plain/versions"),
    await gateway.call("GET", `/api/agents/plain/versions/${versionId}`),
    await gateway.call("POST", `/api/agents/${agentId}/promote`, { versionId }),
  ];
  for (const { status, body } of shown) {
    expect(status).toBe(200);
    expect(JSON.stringify(body)).toContain('"url":"https://***@example.com/","headers":{"authorization":"***"}');
    expect(JSON.stringify(body)).not.toMatch(/url-password|Bearer head/);
  }
  const { body: agent } = await gateway.call<Agent>("GET", "/api/agents/plain");
  const masked = agent.currentVersion?.config ?? {};
  const { errors } = expectProblem(await push(masked), 422, "invalid_agent_config");
  expect(errors?.map(({ path }) => path)).toEqual(paths);
});

test("a body that a GET would not send is refused at the push", async () => {
  const server = { type: "http", method: "GET", url: "https://example.com/", body: { token: { secret: "crm" } } };
  const config = { name: "got", model: "demo/echo", tools: [{ name: "t", inputSchema: { type: "object" }, server }] };
  const { errors } = expectProblem(
    await gateway.call("POST", "/api/agents", { name: "got", config }),
    422,
    "invalid_agent_config",
  );
  expect(errors?.map(({ path }) => path)).toEqual(["config.tools.0.server.body"]);
});
