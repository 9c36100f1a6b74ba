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
