import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { ToolCall } from "@hsafa/protocol";
import { expect, onTestFinished, test } from "vitest";
import { startTestGateway } from "../support/test-gateway.ts";

/** A service on loopback. It sends a request for `/to` where its query says. */
async function startService() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://service/");
    if (url.pathname === "/to") return response.writeHead(302, { location: url.searchParams.get("where") ?? "" }).end();
    asked.push(url.pathname);
    return response.end("internal");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, asked };
}

/** What becomes of one call of a tool with this address. */
async function callTool(url: string, env: Readonly<Record<string, string>>): Promise<ToolCall | undefined> {
  const gateway = await startTestGateway({ env });
  onTestFinished(() => gateway.close());
  await gateway.pushAgent({
    name: "caller",
    model: "demo/script",
    settings: { providerOptions: { demo: { script: [[{ call: "get", args: {} }], [{ say: "over" }]] } } },
    tools: [{ name: "get", inputSchema: { type: "object" }, server: { type: "http", method: "GET", url } }],
  });
  const { runId } = await gateway.startRun({ agent: "caller", input: "go" });
  await gateway.waitForEnd(runId);
  return (await gateway.toolCalls(runId))[0];
}

test("a tool reaches nothing on the machine of a gateway that allows nothing, and its author learns why", async () => {
  const { port, asked } = await startService();
  const call = await callTool(`http://localhost:${port}/secret`, { HSAFA_OUTBOUND_ALLOW: "none" });
  expect(call).toMatchObject({ status: "failed", error: { code: "address_refused" } });
  expect(call?.error?.message).toContain("HSAFA_OUTBOUND_ALLOW");
  expect(asked).toEqual([]);
});

test("a redirect leads a tool to no port that is not allowed", async () => {
  const [open, closed] = [await startService(), await startService()];
  const env = { HSAFA_OUTBOUND_ALLOW: `127.0.0.1:${open.port}` };
  const to = (port: number) => `http://127.0.0.1:${open.port}/to?where=http://127.0.0.1:${port}/secret`;
  expect(await callTool(to(closed.port), env)).toMatchObject({ status: "failed", error: { code: "address_refused" } });
  expect(closed.asked).toEqual([]);
  expect(await callTool(to(open.port), env)).toMatchObject({ status: "completed", result: "internal" });
});

test("a gateway that a program starts on loopback lets its tools reach loopback, and one for others does not", async () => {
  const { port, asked } = await startService();
  const url = `http://127.0.0.1:${port}/own`;
  expect(await callTool(url, {})).toMatchObject({ status: "completed", result: "internal" });
  expect(await callTool(url, { HOST: "0.0.0.0", HSAFA_DEMO_MODELS: "on" })).toMatchObject({
    error: { code: "address_refused" },
  });
  expect(asked).toEqual(["/own"]);
});
