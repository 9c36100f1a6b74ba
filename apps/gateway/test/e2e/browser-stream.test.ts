import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { missingServices } from "../services/services.ts";
import { type CuttableProxy, startCuttableProxy } from "../support/cuttable-proxy.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { launchChromium } from "../services/launch-chromium.ts";

/** The state of the page's EventSource. */
interface PageRecord {
  readonly ids: readonly string[];
  readonly readyState: number;
  readonly opened: number;
}

describe.skipIf(await missingServices("chromium"))("a browser's own EventSource, with the cookie token", () => {
  let gateway: TestGateway;
  let proxy: CuttableProxy;
  let browser: Browser;

  beforeAll(async () => {
    gateway = await startTestGateway();
    proxy = await startCuttableProxy(gateway.url);
    browser = await launchChromium();
    const script = [[{ repeat: 150, parts: [{ say: "word{{n}} ", everyMs: 15 }] }]];
    await gateway.pushAgent({
      name: "talker",
      model: "demo/script",
      settings: { providerOptions: { demo: { script } } },
    });
    // It talks for longer than any machine takes to cut the browser and to let it come back.
    const endless = [[{ repeat: 20_000, parts: [{ say: "word{{n}} ", everyMs: 15 }] }]];
    await gateway.pushAgent({
      name: "endless-talker",
      model: "demo/script",
      settings: { providerOptions: { demo: { script: endless } } },
    });
  });
  afterAll(async () => {
    await browser.close();
    await proxy.close();
    await gateway.close();
  });

  /** Opens a page of the gateway's own origin that follows the run. */
  async function follow(runId: string, streamUrl: string) {
    const made = await gateway.call<{ token: string }>("POST", "/api/tokens", { scopes: ["runs:read"], runId });
    const page = await browser.newPage();
    await page.goto(`${proxy.url}/health`);
    const status = await page.evaluate(
      `fetch("/api/tokens/cookie", { method: "POST", headers: { authorization: "Bearer ${made.body.token}" } }).then((answer) => answer.status)`,
    );
    expect(status).toBe(204);
    await page.evaluate(`{
      globalThis.record = { ids: [], opened: 0 };
      globalThis.source = new EventSource(${JSON.stringify(streamUrl)});
      source.onopen = () => { record.opened += 1; };
      source.onmessage = ({ data, lastEventId }) => {
        const { id } = JSON.parse(data);
        record.ids.push(id === lastEventId ? id : "the id " + lastEventId + " of " + id);
      };
    }`);
    const read = () => page.evaluate<PageRecord>("({ ...record, readyState: source.readyState })");
    const until = (condition: string) => page.waitForFunction(condition, null, { timeout: 30_000, polling: 20 });
    return { page, read, until };
  }

  test("a browser that is cut in the middle of the text resumes, and stops after the end (R8)", async () => {
    const { runId, streamUrl } = await gateway.startRun({ agent: "endless-talker", input: "go" });
    const { page, read, until } = await follow(runId, streamUrl);
    await until("record.ids.length > 20");
    proxy.cut();
    await until("record.opened === 2");
    const { ids: before } = await read();
    await until(`record.ids.length > ${before.length + 20}`);
    await gateway.call("POST", `/api/runs/${runId}/cancel`);
    await gateway.waitForEnd(runId);
    // The 204 after the end tells it to stop for good.
    await until("source.readyState === EventSource.CLOSED");
    const { ids } = await read();
    expect(ids).toEqual((await gateway.events(runId)).map(({ id }) => id));
    await page.close();
  });

  test("a page opened after the end gets the whole record and stops (R8)", async () => {
    const { runId, streamUrl } = await gateway.startRun({ agent: "talker", input: "go" });
    await gateway.waitForEnd(runId);
    const { page, read, until } = await follow(runId, streamUrl);
    await until("source.readyState === EventSource.CLOSED");
    const { ids, opened } = await read();
    expect(ids).toEqual((await gateway.events(runId)).map(({ id }) => id));
    expect(opened).toBe(1);
    await page.close();
  });

  test("the cookie opens its own run only, and only for this origin", async () => {
    const one = await gateway.startRun({ agent: "talker", input: "go" });
    const other = await gateway.startRun({ agent: "talker", input: "go" });
    const { page, until } = await follow(one.runId, one.streamUrl);
    await until("record.ids.length > 3");
    const statusOf = (path: string) =>
      page.evaluate<number>(`fetch(${JSON.stringify(path)}).then((answer) => answer.status)`);
    expect(await statusOf(`/api/runs/${one.runId}`)).toBe(200);
    expect(await statusOf(other.streamUrl)).toBe(404);
    const elsewhere = createServer((_request, response) =>
      response.setHeader("content-type", "text/html").end("<p>elsewhere</p>"),
    );
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    const { port } = elsewhere.address() as AddressInfo;
    // Another port is the same site, so the browser sends the cookie. The gateway must check the origin.
    await page.goto(`http://127.0.0.1:${port}/`);
    await page.evaluate(
      `globalThis.source = new EventSource(${JSON.stringify(proxy.url + one.streamUrl)}, { withCredentials: true }); 0`,
    );
    await until("source.readyState === EventSource.CLOSED");
    await page.close();
    await new Promise((resolve) => elsewhere.close(resolve));
  });
});
