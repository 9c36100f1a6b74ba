/** A client on a way that lets no WebSocket pass, such as some proxies of companies, against a real gateway. */
import { createClient } from "@hsafa/client";
import { followThread, messagesOf, openRuns } from "@hsafa/client/view";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";

/** A WebSocket that is closed before it opens. */
class ClosedSocket {
  readonly readyState = 3;
  addEventListener(type: string, listener: (event: { readonly type: string; readonly code: number }) => void): void {
    if (type === "close") setImmediate(() => listener({ type, code: 1006 }));
  }
  send(): void {}
  close(): void {}
}

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  await gateway.pushAgent({ name: "echo", model: "demo/echo" });
});
afterAll(() => gateway.close());

test("a conversation is followed: what was said, what is said now, and a run that another program starts", async () => {
  const client = createClient({
    url: gateway.url,
    token: gateway.apiKey,
    transport: "watch",
    WebSocket: ClosedSocket,
  });
  const start = (input: string) => gateway.startRun({ agent: "echo", input, threadId: "inbox" });
  await start("first");
  let hasStarted = false;
  const texts: string[] = [];
  for await (const thread of followThread(client, "inbox")) {
    if (openRuns(thread).length > 0) continue;
    if (!hasStarted) {
      hasStarted = true;
      await start("second");
      continue;
    }
    const answers = messagesOf(thread).filter(({ role }) => role === "assistant");
    if (answers.length < 2) continue;
    for (const answer of answers)
      if (answer.role === "assistant")
        texts.push(answer.parts.map((part) => ("text" in part ? part.text : "")).join(""));
    break;
  }
  expect(texts).toEqual([expect.stringContaining("first"), expect.stringContaining("second")]);
});
