import { randomUUID } from "node:crypto";
import type { HsafaError } from "@hsafa/client";
import { must, type Turn } from "../turn.ts";

/** How long a revocation may take to reach every gateway, in milliseconds. */
const REVOKED_WITHIN_MS = 5000;
const POLL_MS = 50;

/** Asks until the credential is refused. */
async function untilRefused(ask: () => Promise<unknown>): Promise<void> {
  const deadline = performance.now() + REVOKED_WITHIN_MS;
  for (;;) {
    try {
      await ask();
    } catch (error) {
      const { code } = error as HsafaError;
      must(code === "unauthenticated", `a credential that had ended was refused as ${code}`);
      return;
    }
    must(performance.now() < deadline, `a credential that had ended was good after ${REVOKED_WITHIN_MS} ms`);
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS);
    });
  }
}

export const OPERATOR_TURNS: readonly Turn[] = [
  {
    name: "pushes and promotions",
    weight: 4,
    async play(world) {
      const name = `pushed-${Math.floor(world.random() * 5)}`;
      const field = `field_${randomUUID().replaceAll("-", "")}`;
      const inputSchema = { type: "object", properties: { [field]: { type: "string", pattern: "^[a-z]+$" } } };
      const tools = [{ name: "look", inputSchema, target: "external" as const }];
      const config = { name, model: "demo/tools", system: randomUUID(), tools };
      const { versionId } = await world.client().agents.push({ name, config });
      await world.client().agents.promote(name, versionId);
      const { runId } = await world.client().runs.start({ agent: name, input: "abc" });
      await world.client().runs.cancel(runId);
      await world.client().runs.wait(runId);
    },
  },
  {
    name: "tokens that are made, used and revoked",
    // A tenant keeps a thousand revocations of 25 hours.
    weight: 1.2,
    async play(world) {
      const subject = randomUUID();
      const scopes = ["runs:start", "runs:read", "runs:cancel"] as const;
      const { token } = await world.client().tokens.create({ scopes: [...scopes], subject, agents: ["echo"] });
      const page = world.client(token);
      const { runId } = await page.runs.start({ agent: "echo", input: "a user's words" });
      const { status } = await page.runs.wait(runId);
      must(status === "completed", `a user's run is ${status}`);
      await world.operator().keys.revokeTokens({ subject });
      await untilRefused(() => page.runs.get(runId));
    },
  },
  {
    name: "tokens that expire",
    weight: 3,
    async play(world) {
      const { id } = await world.client().threads.create({});
      const scopes = ["runs:start", "runs:read"] as const;
      const params = { scopes: [...scopes], threadId: id, agents: ["echo"], expiresInSeconds: 60 };
      const page = world.client((await world.client().tokens.create(params)).token);
      const { runId } = await page.runs.start({ agent: "echo", input: "words", threadId: id });
      for await (const event of page.runs.stream(runId)) must(event.type !== "run.failed", "a user's run failed");
    },
  },
  {
    name: "keys that are made, rotated and revoked",
    weight: 0.8,
    async play(world) {
      const { id, key } = await world.operator().keys.create({ name: "soak", scopes: ["runs:read"] });
      await world.client(key).runs.list({ limit: 1 });
      const rotated = await world.operator().keys.rotate(id, { overlapSeconds: 0 });
      await world.client(rotated.key).runs.list({ limit: 1 });
      await world.operator().keys.revoke(id);
      await untilRefused(() => world.client(rotated.key).runs.list({ limit: 1 }));
    },
  },
  {
    name: "lists, pages and documents",
    weight: 5,
    async play(world) {
      const client = world.client();
      const first = await client.runs.list({ limit: 20 });
      if (first.nextCursor !== null) await client.runs.list({ limit: 20, cursor: first.nextCursor });
      await client.devices.list({ limit: 20 });
      await client.toolCalls.list({ limit: 20 });
      await world.operator().audit.list({ limit: 20 });
      for (const path of ["/ready", "/metrics", "/openapi.json", "/docs", "/"]) {
        const response = await fetch(world.url() + path);
        await response.text();
        must(response.status === 200, `${path} answered ${response.status}`);
      }
    },
  },
  {
    name: "secrets",
    weight: 1,
    async play(world) {
      const name = `secret_${Math.floor(world.random() * 10)}`;
      await world.operator().secrets.set(name, randomUUID());
      await world.operator().secrets.list();
    },
  },
];
