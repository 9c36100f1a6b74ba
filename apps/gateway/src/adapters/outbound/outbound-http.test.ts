import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent, fetch as undiciFetch } from "undici";
import { expect, onTestFinished, test, vi } from "vitest";
import { openOutboundHttp } from "./outbound-http.ts";

/** Twice as long as the client waits by itself. */
const LONG_MS = 600_000;

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function open() {
  const http = openOutboundHttp();
  onTestFinished(() => http.close());
  return http;
}

/** Lets time pass for timers alone. The client counts time by a timer that it sets anew. */
async function passTime(durationMs: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(durationMs);
}

function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
}

test("a server that takes ten minutes to its first byte is waited for, which the client alone does not do", async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: bothAsked, resolve: tellBothAsked } = Promise.withResolvers<void>();
  let asked = 0;
  const url = await serve((_, response) => {
    asked += 1;
    if (asked === 2) tellBothAsked();
    void released.then(() => response.end("here"));
  });
  const plain = new Agent();
  onTestFinished(() => plain.destroy());
  fakeTimers();
  const ours = open().fetch(url);
  const theirs = undiciFetch(url, { dispatcher: plain }).then(
    () => "answered",
    (error: Error) => (error.cause as { code: string }).code,
  );
  await bothAsked;
  await passTime(LONG_MS);
  release();
  expect(await theirs).toBe("UND_ERR_HEADERS_TIMEOUT");
  expect(await (await ours).text()).toBe("here");
});

test("a server that pauses for ten minutes within its answer is waited for", async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const url = await serve((_, response) => {
    response.write("he");
    void released.then(() => response.end("re"));
  });
  fakeTimers();
  const response = await open().fetch(url);
  await passTime(LONG_MS);
  release();
  expect(await response.text()).toBe("here");
});

test("a signal ends a request whose answer never comes", async () => {
  const { promise: asked, resolve: tellAsked } = Promise.withResolvers<void>();
  const url = await serve(() => tellAsked());
  const abort = new AbortController();
  const response = open().fetch(url, { signal: abort.signal });
  await asked;
  abort.abort();
  await expect(response).rejects.toMatchObject({ name: "AbortError" });
});

test("a close breaks off what is under way", async () => {
  const { promise: asked, resolve: tellAsked } = Promise.withResolvers<void>();
  const url = await serve(() => tellAsked());
  const http = open();
  const response = http.fetch(url);
  const outcome = response.then(
    () => "answered",
    () => "broken off",
  );
  await asked;
  await http.close();
  expect(await outcome).toBe("broken off");
});

test("a Request is refused aloud, since its body would be lost", async () => {
  await expect(open().fetch(new Request("http://127.0.0.1:1/"))).rejects.toThrow("takes a URL");
});

test("a model's key stays at its origin, whatever header has it: a redirect elsewhere is refused with the cure", async () => {
  const seen: string[] = [];
  const there = await serve((request, response) => response.end(seen.push(String(request.headers["x-api-key"]))));
  const here = await serve((request, response) => {
    if (request.url === "/moved") return response.end("moved here");
    const location = request.url === "/there" ? `${there}/v1` : request.url === "/loop" ? "/loop" : "/moved";
    return response.writeHead(307, { location }).end();
  });
  const { fetch } = open();
  const request = { method: "POST", body: "{}", headers: { "x-api-key": "key-of-the-model" } };
  expect(await (await fetch(`${here}/v1`, request)).text()).toBe("moved here");
  await expect(fetch(`${here}/there`, request)).rejects.toThrow(`redirects to ${there}`);
  await expect(fetch(`${here}/loop`, request)).rejects.toThrow("more than 5 times");
  expect(seen).toEqual([]);
});
