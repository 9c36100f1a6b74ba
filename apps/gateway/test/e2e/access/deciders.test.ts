import type { AgentConfigInput, ApiKeyWithSecret, ToolCall } from "@hsafa/protocol";
import { v7 } from "uuid";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ApiGateway, startApiGateway } from "../../support/api-gateway.ts";
import { until } from "../../support/until.ts";
import { readRoutes } from "./ask-route.ts";
import { DECIDED_CALLS, type DecidedCall, DECIDER_ROWS, type DeciderRow } from "./decider-rows.ts";

const ROUTE = "POST /api/runs/{id}/approvals";
const NAMES = Object.keys(DECIDED_CALLS) as DecidedCall[];
const asker: AgentConfigInput = {
  name: "asker",
  model: "demo/script",
  tools: Object.entries(DECIDED_CALLS).map(([name, approval]) => ({
    name,
    inputSchema: { type: "object" },
    target: "external" as const,
    approval,
  })),
  settings: { providerOptions: { demo: { script: [NAMES.map((name) => ({ call: name, args: {} })), [{ say: "" }]] } } },
};

let gateway: ApiGateway;
let foreignKey: string;
beforeAll(async () => {
  gateway = await startApiGateway();
  await gateway.pushAgent(asker);
  const body = { name: "foreign decider", scopes: ["admin"], groups: ["finance", "board"] };
  const options = { credential: gateway.foreignKey };
  foreignKey = (await gateway.call<ApiKeyWithSecret>("POST", "/api/keys", body, options)).body.key;
});
afterAll(() => gateway.close());

/** A run that the user `ann` started, with one call of each kind. */
async function runOfAnn(): Promise<string> {
  const credential = await gateway.createToken({ scopes: ["runs:start"], subject: "ann", agents: ["asker"] });
  const { body } = await gateway.call<{ runId: string }>(
    "POST",
    "/api/runs",
    { agent: "asker", input: "go" },
    { credential },
  );
  await until("all calls wait", async () => (await gateway.toolCalls(body.runId)).length === NAMES.length);
  return body.runId;
}

async function credentialOf({ credential }: DeciderRow, runId: string): Promise<string> {
  switch (credential.kind) {
    case "foreign":
      return foreignKey;
    case "key": {
      const body = { name: `decider-${v7()}`, ...credential.body };
      return (await gateway.call<ApiKeyWithSecret>("POST", "/api/keys", body)).body.key;
    }
    case "token": {
      const text = JSON.stringify(credential.body).replace("{run}", runId);
      return gateway.createToken(JSON.parse(text) as Record<string, unknown>);
    }
    default:
      return credential satisfies never;
  }
}

test("every route that decides a call is asked by this table", async () => {
  const routes = [...(await readRoutes(gateway))].filter(([, { scopes }]) => scopes.includes("approvals:decide"));
  expect(routes.map(([name]) => name)).toEqual([ROUTE]);
});

test.each(Object.entries(DECIDER_ROWS))("who decides which call: %s", async (_who, row) => {
  const runId = await runOfAnn();
  const credential = await credentialOf(row, runId);
  const decide = (callId: string) =>
    gateway.call<{ code?: string; requestId?: string }>(
      "POST",
      `/api/runs/${runId}/approvals`,
      { callId, approved: true },
      { credential },
    );
  const callOf = async (name: DecidedCall): Promise<ToolCall> => {
    const call = (await gateway.toolCalls(runId)).find(({ toolName }) => toolName === name);
    if (call === undefined) throw new Error(`there is no call of ${name}`);
    return call;
  };
  for (const name of NAMES) {
    const { id } = await callOf(name);
    const { status, body } = await decide(id);
    const cell = row.cells[name];
    const expected = { decides: 202, refused: 403, "as missing": 404 }[cell];
    expect({ name, status }).toEqual({ name, status: expected });
    if (cell === "decides") {
      await until("the decision is recorded", async () => (await callOf(name)).approval?.decision?.approved === true);
      continue;
    }
    const missing = cell === "as missing" ? (await decide(v7())).body : body;
    expect({ ...body, requestId: "" }).toEqual({ ...missing, requestId: "" });
    expect(await callOf(name)).toMatchObject({ status: "awaiting_approval", approval: { decision: null } });
  }
  await gateway.call("POST", `/api/runs/${runId}/cancel`, {});
});
