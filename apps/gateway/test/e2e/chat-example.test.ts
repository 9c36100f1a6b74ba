import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createClient } from "@hsafa/client";
import { EMPTY_RUN_VIEW, followRun, type RunView } from "@hsafa/client/view";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chatBackend } from "../../../../examples/chat-backend.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** The example of docs/chat-page.md, with two users. */
let gateway: TestGateway;
let backend: Server;
let backendUrl: string;
beforeAll(async () => {
  gateway = await startTestGateway();
  await gateway.pushAgent({ name: "echo", model: "demo/echo" });
  const { url: gatewayUrl, apiKey: key } = gateway;
  const userOf = ({ headers }: { headers: NodeJS.Dict<string | string[]> }) => headers.cookie?.toString() ?? null;
  backend = chatBackend({ gatewayUrl, key, agent: "echo", userOf });
  await new Promise<void>((resolve) => backend.listen(0, "127.0.0.1", resolve));
  backendUrl = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
});
afterAll(async () => {
  backend.close();
  await gateway.close();
});

async function tokenOf(user: string | null): Promise<{ readonly status: number; readonly token: string }> {
  const headers = user === null ? {} : { cookie: user };
  const response = await fetch(`${backendUrl}/hsafa-token`, { method: "POST", headers });
  const { token = "" } = (await response.json()) as { token?: string };
  return { status: response.status, token };
}

test("each user chats in a conversation of the same name, and reaches nothing of the other one", async () => {
  const say = async (user: string, input: string, show: (view: RunView) => void): Promise<RunView> => {
    const client = createClient({ url: gateway.url, token: async () => (await tokenOf(user)).token });
    const { runId } = await client.runs.start({ agent: "echo", input, threadId: "inbox" });
    let view = EMPTY_RUN_VIEW;
    for await (view of followRun(client, runId)) show(view);
    return view;
  };
  const shown: RunView[] = [];
  const hersAtEnd = await say("alice", "hers", (view) => shown.push(view));
  expect(hersAtEnd).toMatchObject({ status: "completed", output: expect.stringContaining("hers") as string });
  expect(shown.at(-1)).toBe(hersAtEnd);
  expect((await say("bob", "his", () => {})).output).toContain("his");

  const alice = createClient({ url: gateway.url, token: (await tokenOf("alice")).token });
  const bob = createClient({ url: gateway.url, token: (await tokenOf("bob")).token });
  const [hers] = (await alice.runs.list()).data;
  expect(hers?.subject).toBe("alice");
  await expect(bob.runs.get(hers?.id ?? "")).rejects.toMatchObject({ code: "not_found" });
  expect((await bob.runs.list()).data.map(({ subject }) => subject)).toEqual(["bob"]);
});

test("nobody gets a token without a login, and no token makes another one", async () => {
  expect((await tokenOf(null)).status).toBe(401);
  const client = createClient({ url: gateway.url, token: (await tokenOf("alice")).token });
  await expect(client.tokens.create({ scopes: ["runs:read"] })).rejects.toMatchObject({ code: "forbidden" });
});
