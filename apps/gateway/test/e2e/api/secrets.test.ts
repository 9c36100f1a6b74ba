import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page, Secret } from "@hsafa/protocol";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type ApiGateway, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";

const VALUE = "value+of/the secret";

let gateway: ApiGateway;
beforeAll(async () => {
  gateway = await startApiGateway();
});
afterAll(() => gateway.close());

/** A service that answers with what it was sent. */
async function startEcho(): Promise<string> {
  const server = createServer((request, response) => response.end(JSON.stringify([request.headers, request.url])));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test("a secret is set, listed and forgotten, and no answer shows its value", async () => {
  const put = await gateway.call<Secret>("PUT", "/api/secrets/crm", { value: VALUE });
  expect(put).toMatchObject({ status: 201, body: { name: "crm", setBy: "operator" } });
  const again = await gateway.call<Secret>("PUT", "/api/secrets/crm", { value: `${VALUE}2` });
  expect(again).toMatchObject({ status: 200, body: { createdAt: put.body.createdAt } });
  const listed = await gateway.call<Page<Secret>>("GET", "/api/secrets");
  expect(listed.body.data).toEqual([again.body]);
  expect(JSON.stringify([put, again, listed])).not.toContain("value");
  expect((await gateway.call("DELETE", "/api/secrets/crm")).status).toBe(204);
  expectProblem(await gateway.call("DELETE", "/api/secrets/crm"), 404, "not_found");
});

test.each<[string, string, unknown]>([
  ["a name with a slash", "a%2Fb", { value: VALUE }],
  ["a name that is too long", "a".repeat(65), { value: VALUE }],
  ["a short value", "crm", { value: "short" }],
  ["no value", "crm", {}],
  ["a value beside others", "crm", { value: VALUE, hint: "x" }],
])("%s is refused", async (_, name, body) => {
  const answer = await gateway.call("PUT", `/api/secrets/${name}`, body);
  expectProblem(answer, 400, "invalid_request");
  expect(JSON.stringify(answer.body)).not.toContain(VALUE);
});

test("only an administrator sets and forgets secrets, and no bound token sees their names", async () => {
  const author = await gateway.createToken({ scopes: ["agents:write", "runs:write", "runs:read"] });
  const bound = await gateway.createToken({ scopes: ["agents:write"], deviceKey: "a-device" });
  const reader = await gateway.createToken({ scopes: ["runs:read"] });
  for (const credential of [author, bound, reader]) {
    expectProblem(await gateway.call("PUT", "/api/secrets/x", { value: VALUE }, { credential }), 403, "forbidden");
    expectProblem(await gateway.call("DELETE", "/api/secrets/x", undefined, { credential }), 403, "forbidden");
  }
  expect((await gateway.call("GET", "/api/secrets", undefined, { credential: author })).status).toBe(200);
  for (const credential of [bound, reader]) {
    expectProblem(await gateway.call("GET", "/api/secrets", undefined, { credential }), 403, "forbidden");
  }
});

test("a tool sends a secret, and neither run nor event nor call tells it", async () => {
  const url = await startEcho();
  await gateway.call("PUT", "/api/secrets/echoed", { value: VALUE });
  await gateway.pushAgent({
    name: "sender",
    model: "demo/script",
    settings: { providerOptions: { demo: { script: [[{ call: "ask", args: {} }], [{ say: "over" }]] } } },
    tools: [
      {
        name: "ask",
        inputSchema: { type: "object" },
        server: {
          type: "http",
          method: "GET",
          url,
          headers: { authorization: { secret: "echoed", prefix: "Bearer " } },
        },
      },
    ],
  });
  const { runId } = await gateway.startRun({ agent: "sender", input: "go" });
  const run = await gateway.waitForEnd(runId);
  const [call] = await gateway.toolCalls(runId);
  expect(call).toMatchObject({ status: "completed" });
  expect(JSON.stringify(call)).toContain("[key]");
  const agent = await gateway.call("GET", "/api/agents/sender");
  const told = JSON.stringify([run, call, agent.body, await gateway.events(runId)]);
  for (const form of [VALUE, encodeURIComponent(VALUE), btoa(VALUE)]) expect(told).not.toContain(form);
  expect(JSON.stringify(agent.body)).toContain('{"secret":"echoed","prefix":"Bearer "}');
});
