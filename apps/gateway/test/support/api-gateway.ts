/**
 * The gateway that the tests of the HTTP API share. It has three agents: `echo` answers with its input, `external`
 * asks a person by a tool, and `approved` does so after an approval.
 */
import type { CreatedToken } from "@hsafa/protocol";
import { apiKeyHash, newApiKey } from "../../src/access/api-key.ts";
import { startTestGateway, type TestGateway } from "./test-gateway.ts";

export interface ApiGateway extends TestGateway {
  /** A key with every scope in another tenant, which has nothing. */
  readonly foreignKey: string;
  /** Starts a run of `external` or `approved`, and waits until its one call is open. */
  startWaitingRun(agent?: "external" | "approved"): Promise<{ readonly runId: string; readonly callId: string }>;
  /** Makes a token; `body` is that of POST /api/tokens. */
  createToken(body: Readonly<Record<string, unknown>>): Promise<string>;
}

/** A page of this origin may call the gateway from a browser. */
export const ALLOWED_ORIGIN = "https://app.example.com";
/** An id of the right form, of nothing that exists. */
export const MISSING_ID = "01890a5d-ac96-774b-bcce-b302099a8057";

export async function startApiGateway(): Promise<ApiGateway> {
  const gateway = await startTestGateway({ env: { HSAFA_ALLOWED_ORIGINS: ALLOWED_ORIGIN } });
  const foreignKey = newApiKey();
  await gateway.gateway.store.fleet.ensureApiKey({
    tenantName: "other",
    name: "other",
    keyHash: apiKeyHash(foreignKey),
    scopes: ["admin"],
  });
  const askPerson = { name: "ask_person", target: "external", inputSchema: { type: "object" } } as const;
  await gateway.pushAgent({ name: "echo", model: "demo/echo" });
  await gateway.pushAgent({ name: "external", model: "demo/tools", tools: [askPerson] });
  await gateway.pushAgent({ name: "approved", model: "demo/tools", tools: [{ ...askPerson, approval: "always" }] });

  return {
    ...gateway,
    foreignKey,
    async startWaitingRun(agent = "external") {
      const { runId } = await gateway.startRun({ agent, input: "please" });
      await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
      const [call] = await gateway.toolCalls(runId);
      return { runId, callId: call?.id ?? "" };
    },
    async createToken(body) {
      const answer = await gateway.call<CreatedToken>("POST", "/api/tokens", body);
      if (answer.status !== 201) throw new Error(`no token: ${JSON.stringify(answer.body)}`);
      return answer.body.token;
    },
  };
}
