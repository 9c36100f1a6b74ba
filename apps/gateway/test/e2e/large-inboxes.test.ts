/** Inboxes that are full of bytes: what is refused, and how soon a cancel takes effect. */
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { INBOX_BYTES_MAX } from "../../src/ports/limits.ts";
import { freshDatabase, type FreshDatabase, missingServices } from "../services/services.ts";
import { expectProblem } from "../support/expect-problem.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

const MESSAGE_CHARACTERS = 1_000_000;
/** The promise is 1 s. The rest is for a machine that other tests load too. */
const CANCELED_WITHIN_MS = 3000;

const PARKS = {
  name: "parks",
  model: "demo/script",
  tools: [{ name: "ask", inputSchema: { type: "object" as const }, target: "external" as const }],
  settings: { providerOptions: { demo: { script: [[{ call: "ask", args: {} }], [{ say: "Over." }]] } } },
};
const HANGS = {
  name: "hangs",
  model: "demo/script",
  settings: { providerOptions: { demo: { script: [[{ say: "Wait. " }, { hang: true }]] } } },
};

async function cancel(gateway: TestGateway, runId: string): Promise<number> {
  const startedAt = performance.now();
  expect((await gateway.call("POST", `/api/runs/${runId}/cancel`, {})).status).toBe(202);
  expect((await gateway.waitForEnd(runId)).status).toBe("canceled");
  return performance.now() - startedAt;
}

describe("an inbox full of large messages", () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway();
  });
  afterAll(() => gateway.close());

  test("messages beyond the bytes of an inbox are refused with what to do, and a cancel is taken and ends the run", async () => {
    await gateway.pushAgent(HANGS);
    const { runId } = await gateway.startRun({ agent: "hangs", input: "Go." });
    await gateway.waitForRun(runId, ({ status }) => status === "running");
    const send = () => gateway.call("POST", `/api/runs/${runId}/messages`, { message: "y".repeat(MESSAGE_CHARACTERS) });
    const taken = Math.floor(INBOX_BYTES_MAX / MESSAGE_CHARACTERS);
    for (let n = 0; n < taken; n++) expect((await send()).status).toBe(202);
    const refused = await send();
    expectProblem(refused, 429, "too_many_requests");
    expect(refused.body["detail"]).toMatch(/send this again later/);
    expect(await cancel(gateway, runId)).toBeLessThan(CANCELED_WITHIN_MS);
  });
});

describe.skipIf(await missingServices("postgres"))("an inbox that an earlier version filled", () => {
  let database: FreshDatabase;
  let gateway: TestGateway;
  let postgres: Client;
  beforeAll(async () => {
    database = await freshDatabase();
    gateway = await startTestGateway({ databaseUrl: database.url });
    postgres = new Client({ connectionString: database.url });
    await postgres.connect();
  });
  afterAll(async () => {
    await postgres.end();
    await gateway.close();
    await database.drop();
  });

  test("a cancel takes effect at once beside 200 messages of 1 MB that a gateway without a bound of bytes accepted", async () => {
    await gateway.pushAgent(PARKS);
    const { runId } = await gateway.startRun({ agent: "parks", input: "Go." });
    await gateway.waitForRun(runId, ({ status }) => status === "waiting_tool");
    const input = { kind: "message", message: { role: "user", content: "y".repeat(MESSAGE_CHARACTERS) } };
    await postgres.query(
      `with inserted as (
        insert into run_inputs (tenant_id, run_id, kind, input)
        select tenant_id, id, 'message', $2::text::json from runs, generate_series(1, 200) where id = $1 returning id
      )
      update runs set inbox = inbox + 200 where id = $1`,
      [runId, JSON.stringify(input)],
    );
    expect(await cancel(gateway, runId)).toBeLessThan(CANCELED_WITHIN_MS);
    const { rows } = await postgres.query("select inbox, inbox_bytes from runs where id = $1", [runId]);
    expect(rows).toEqual([{ inbox: 0, inbox_bytes: 0 }]);
  });
});
