import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@hsafa/client";
import { expect, onTestFinished, test } from "vitest";
import { freshDatabase, missingServices, redisUrl } from "../services/services.ts";
import { listeningUrl, startProgram } from "../support/gateway-program.ts";
import { until } from "../support/until.ts";

const KEY = "hsafa_test_operator_key_of_a_fleet_0123456789";
/** Parents at a time, so that the gateway dies at several points of their lives. */
const PARENTS = 8;
const BOSS = {
  name: "boss",
  model: "demo/script",
  tools: [{ name: "research", server: { type: "agent" as const, agent: "researcher" } }],
};

/** Where gateways of one store are started from, as often as a test likes. */
const STORES: readonly [name: string, envOf: () => Promise<Record<string, string>>, isSkipped: boolean][] = [
  [
    "on the embedded store",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "hsafa-children-"));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      return { HSAFA_DATA_DIR: folder };
    },
    false,
  ],
  [
    "on Postgres and Redis",
    async () => {
      const database = await freshDatabase();
      onTestFinished(() => database.drop());
      return { DATABASE_URL: database.url, REDIS_URL: await redisUrl() };
    },
    await missingServices("postgres", "redis"),
  ],
];

async function startGateway(env: Readonly<Record<string, string>>): Promise<{ client: Client; kill(): Promise<void> }> {
  const secret = "a secret that every gateway of this fleet signs its tokens with";
  const child: ChildProcess = startProgram({ HSAFA_ADMIN_KEY: KEY, HSAFA_JWT_SECRET: secret, ...env });
  child.stderr?.resume();
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  };
  onTestFinished(kill);
  return { client: createClient({ url: await listeningUrl(child), token: KEY }), kill };
}

test.each(STORES)(
  "a gateway that is killed while parents and children begin and end loses none, and starts none twice, %s",
  // Two processes start, one after the other, on a machine that may be busy.
  { timeout: 150_000 },
  async (_name, envOf, isSkipped) => {
    if (isSkipped) return;
    const env = await envOf();
    const dying = await startGateway(env);
    await dying.client.agents.push({ name: "researcher", config: { name: "researcher", model: "demo/script" } });
    await dying.client.agents.push({ name: BOSS.name, config: BOSS });
    const runIds: string[] = [];
    for (let nth = 0; nth < PARENTS; nth++) {
      const child = `demo: ${JSON.stringify([[{ wait: nth * 60 }, { say: `answer ${nth}` }]])}`;
      const steps = [[{ call: "research", args: { input: child } }], [{ say: "{{result}}" }]];
      const { runId } = await dying.client.runs.start({ agent: "boss", input: `demo: ${JSON.stringify(steps)}` });
      runIds.push(runId);
    }
    await until("some have ended", async () => {
      const { data } = await dying.client.runs.list({ status: "completed", agent: "boss" });
      return data.length > 2;
    });
    await dying.kill();
    const { client } = await startGateway(env);
    for (const [nth, runId] of runIds.entries()) {
      const run = await client.runs.wait(runId);
      expect(run).toMatchObject({ status: "completed", output: `answer ${nth}` });
      const { data: children } = await client.runs.list({ parent: runId });
      expect(children).toMatchObject([{ status: "completed", output: `answer ${nth}` }]);
      const { data: events } = await client.runs.events(runId, { facts: true });
      const told = events.filter(({ type }) => type === "child.ended" || type === "tool.completed");
      expect(told.map(({ type }) => type)).toEqual(["child.ended", "tool.completed"]);
    }
  },
);
