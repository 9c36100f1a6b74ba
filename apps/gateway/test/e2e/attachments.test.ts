/** Files on their way to the real wires of providers, from elsewhere, and through a fleet. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { RunEvent, StoredFile } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FILE_BYTES_MAX } from "@hsafa/protocol";
import { type FakeS3, S3_BUCKET, S3_KEY, S3_REGION, startFakeS3 } from "../support/fake-s3-server.ts";
import { chatChunk, chatEnd, sse } from "../support/fake-provider-server.ts";
import { expectProblem } from "../support/expect-problem.ts";
import { freshDatabase, missingServices, redisUrl } from "../services/services.ts";
import { PDF, photo, PNG, WAV } from "../support/sample-files.ts";
import { startTestGateway, type TestGateway } from "../support/test-gateway.ts";
import { uploaded } from "../support/upload.ts";

const PHOTO = photo(3_000_000);
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

async function serve(handle: (request: IncomingMessage, body: string, response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => handle(request, Buffer.concat(parts).toString(), response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What each provider answers on its own wire, and where it finds the files of a request. */
const WIRES = {
  "openai/gpt-5-mini": {
    answer: [
      sse({ type: "response.created", response: { id: "r", created_at: 1, model: "gpt" } }),
      sse({ type: "response.output_item.added", output_index: 0, item: { type: "message", id: "m" } }),
      sse({ type: "response.output_text.delta", item_id: "m", delta: "seen" }),
      sse({ type: "response.output_item.done", output_index: 0, item: { type: "message", id: "m" } }),
      sse({
        type: "response.completed",
        response: { id: "r", created_at: 1, model: "gpt", usage: { input_tokens: 1, output_tokens: 1 } },
      }),
    ],
    inRequest: (picture: string, pdf: string) => [
      { type: "input_image", image_url: `data:image/jpeg;base64,${picture}` },
      { type: "input_file", filename: "a.pdf", file_data: `data:application/pdf;base64,${pdf}` },
    ],
  },
  "anthropic/claude-sonnet-4-5": {
    answer: [
      ["message_start", { message: { id: "m", model: "claude", usage: { input_tokens: 1, output_tokens: 1 } } }],
      ["content_block_start", { index: 0, content_block: { type: "text", text: "" } }],
      ["content_block_delta", { index: 0, delta: { type: "text_delta", text: "seen" } }],
      ["content_block_stop", { index: 0 }],
      ["message_delta", { delta: { stop_reason: "end_turn" }, usage: { output_tokens: 1 } }],
      ["message_stop", {}],
    ].map(([type, data]) => `event: ${type as string}\n${sse({ type, ...(data as object) })}`),
    inRequest: (picture: string, pdf: string) => [
      { type: "image", source: { type: "base64", media_type: "image/jpeg", data: picture } },
      { type: "document", source: { type: "base64", media_type: "application/pdf", data: pdf } },
    ],
  },
  "google/gemini-2.5-flash": {
    answer: [
      sse({
        candidates: [{ content: { role: "model", parts: [{ text: "seen" }] }, finishReason: "STOP" }],
        usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
      }),
    ],
    inRequest: (picture: string, pdf: string) => [
      { inlineData: { mimeType: "image/jpeg", data: picture } },
      { inlineData: { mimeType: "application/pdf", data: pdf } },
    ],
  },
  "openai-compatible/gpt-4o": {
    answer: [chatChunk({ role: "assistant", content: "seen" }), chatEnd()],
    inRequest: (picture: string, pdf: string) => [
      { type: "image_url", image_url: { url: `data:image/jpeg;base64,${picture}` } },
      { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${pdf}` } },
    ],
  },
} as const;

describe("on the wires of providers", () => {
  const requests: string[] = [];
  let provider: Awaited<ReturnType<typeof serve>>;
  let elsewhere: Awaited<ReturnType<typeof serve>>;
  let gateway: TestGateway;
  beforeAll(async () => {
    provider = await serve(({ url = "" }, body, response) => {
      requests.push(body);
      const model = /models\/([^:?]+)/.exec(url)?.[1] ?? (JSON.parse(body) as { model: string }).model;
      const [, wire] = Object.entries(WIRES).find(([name]) => name.endsWith(`/${model}`)) ?? [];
      response.writeHead(200, { "content-type": "text/event-stream" }).end((wire?.answer ?? []).join(""));
    });
    elsewhere = await serve(({ url = "" }, _body, response) => {
      switch (url) {
        case "/dot.png":
          return response.writeHead(200, { "content-type": "image/png" }).end(PNG);
        case "/lie.png":
          return response.writeHead(200, { "content-type": "image/png" }).end("no picture");
        case "/large.bin":
          return response.writeHead(200, { "content-length": String(FILE_BYTES_MAX + 1) }).end("x");
        case "/cut.png":
          response.writeHead(200, { "content-length": "1000" }).write("x");
          return void setTimeout(() => response.destroy(), 20);
        case "/moved.png":
          return response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data" }).end();
        default:
          return response.writeHead(404).end();
      }
    });
    const access = { baseUrl: provider.url, apiKey: "key-of-the-test" };
    gateway = await startTestGateway({
      providers: { openai: access, anthropic: access, google: access, openaiCompatible: access },
    });
  });
  afterAll(async () => {
    await gateway.close();
    provider.close();
    elsewhere.close();
  });

  async function said(model: string, content: readonly unknown[]): Promise<{ runId: string; request: string }> {
    const name = model.replaceAll(/\W/g, "-");
    await gateway.pushAgent({ name, model });
    const { runId } = await gateway.startRun({ agent: name, input: [{ role: "user", content }] });
    const run = await gateway.waitForEnd(runId);
    expect(run).toMatchObject({ status: "completed", output: "seen" });
    return { runId, request: requests.at(-1) ?? "" };
  }

  test.each(Object.entries(WIRES))("a photo of 3 MB and a PDF reach %s byte by byte", async (model, { inRequest }) => {
    const picture = await uploaded(gateway, PHOTO, { mediaType: "image/jpeg", query: "?filename=photo.jpg" });
    const pdf = await uploaded(gateway, PDF, { mediaType: "application/pdf", query: "?filename=a.pdf" });
    const { runId, request } = await said(model, [
      { type: "text", text: "What is this?" },
      { type: "file", fileId: picture.id },
      { type: "file", fileId: pdf.id },
    ]);
    for (const part of inRequest(base64(PHOTO), base64(PDF))) {
      for (const value of Object.values(part)) {
        const text = JSON.stringify(value);
        expect({ model, part: text.slice(0, 80), isSent: isWithin(request, text) }).toMatchObject({ isSent: true });
      }
    }
    expect(JSON.stringify(await gateway.events(runId)).length).toBeLessThan(10_000);
  });

  test("what a model does not take is named, and the model is told of it", async () => {
    const sound = await uploaded(gateway, WAV, { mediaType: "audio/wav", query: "?filename=a.wav" });
    const { runId, request } = await said("anthropic/claude-sonnet-4-5", [
      { type: "text", text: "Listen." },
      { type: "file", fileId: sound.id },
    ]);
    expect(request).toContain("The file a.wav of type audio/wav is left out");
    const step = (await gateway.events(runId)).find(
      (event): event is Extract<RunEvent, { type: "step.completed" }> => event.type === "step.completed",
    );
    expect(step?.data.leftOut).toEqual([{ reason: "unsupported", what: "a.wav (audio/wav)" }]);
  });

  test("a file elsewhere is read once, by the gateway, and its bytes reach the model", async () => {
    const part = { type: "file", url: `${elsewhere.url}/dot.png`, filename: "dot.png" };
    const { runId, request } = await said("anthropic/claude-sonnet-4-5", [part]);
    expect(request).toContain(base64(PNG));
    const text = JSON.stringify(await gateway.events(runId));
    expect(text).toContain('"mediaType":"image/png"');
    expect(text).not.toContain(elsewhere.url);
  });

  test.each([
    ["/lie.png", 415, "unsupported_media_type", /text\/plain/],
    ["/large.bin", 413, "payload_too_large", /32 MiB/],
    ["/cut.png", 400, "invalid_request", /cannot be read/],
    ["/none.png", 400, "invalid_request", /status 404/],
    ["/moved.png", 400, "invalid_request", /public internet/],
  ] as const)("a file at %s is refused when it is named, and no run begins", async (path, status, code, words) => {
    await gateway.pushAgent({ name: "viewer", model: "demo/files" });
    const before = (await gateway.readPages("/api/runs", 200)).flat().length;
    const content = [{ type: "file", url: `${elsewhere.url}${path}` }];
    const answer = await gateway.call("POST", "/api/runs", { agent: "viewer", input: [{ role: "user", content }] });
    expectProblem(answer, status, code);
    expect(JSON.stringify(answer.body)).toMatch(words);
    expect(JSON.stringify(answer.body)).toContain("input.0.content.0");
    expect((await gateway.readPages("/api/runs", 200)).flat()).toHaveLength(before);
  });
});

/** `expect` would print three megabytes. */
function isWithin(text: string, part: string): boolean {
  return text.includes(part) || text.includes(part.slice(1, -1));
}

describe("in a bucket", () => {
  let s3: FakeS3;
  let gateway: TestGateway;
  beforeAll(async () => {
    s3 = await startFakeS3();
    gateway = await startTestGateway({
      env: {
        HSAFA_S3_BUCKET: S3_BUCKET,
        HSAFA_S3_ENDPOINT: s3.url,
        HSAFA_S3_REGION: S3_REGION,
        HSAFA_S3_ACCESS_KEY_ID: S3_KEY.accessKeyId,
        HSAFA_S3_SECRET_ACCESS_KEY: S3_KEY.secretAccessKey,
      },
    });
    await gateway.pushAgent({ name: "viewer", model: "demo/files" });
  });
  afterAll(async () => {
    await gateway.close();
    await s3.close();
  });

  test("a photo goes there in chunks, reaches the model from there, and is removed there", async () => {
    const file = await uploaded(gateway, PHOTO, { mediaType: "image/jpeg" });
    expect([...s3.objects.keys()].map((key) => key.split("/").slice(1).join("/"))).toEqual([
      `${file.id}/0`,
      `${file.id}/1`,
      `${file.id}/2`,
    ]);
    expect(sha256(Buffer.concat([...s3.objects.values()]))).toBe(sha256(PHOTO));
    const content = [{ type: "file", fileId: file.id }];
    const { runId } = await gateway.startRun({ agent: "viewer", input: [{ role: "user", content }] });
    expect((await gateway.waitForEnd(runId)).output).toContain(sha256(PHOTO));
    await gateway.call("DELETE", `/api/files/${file.id}`);
    await expect.poll(() => s3.objects.size, { timeout: 20_000 }).toBe(0);
  });

  test("while the bucket is away an upload is refused as such, and nothing of it becomes a file", async () => {
    s3.failing = 1000;
    const response = await fetch(`${gateway.url}/api/files`, {
      method: "POST",
      headers: { authorization: `Bearer ${gateway.apiKey}`, "content-type": "text/plain" },
      body: "words",
    });
    s3.failing = 0;
    expect(response.status).toBe(503);
    expect((await gateway.call<{ data: StoredFile[] }>("GET", "/api/files")).body.data).toEqual([]);
  });
});

describe.skipIf(await missingServices("postgres", "redis"))("through a fleet", () => {
  test("a file that one gateway takes reaches the model on another one, and is read on both", async () => {
    const database = await freshDatabase();
    const shared = { databaseUrl: database.url, redisUrl: await redisUrl() };
    const [a, b] = [await startTestGateway(shared), await startTestGateway(shared)];
    try {
      await a.pushAgent({ name: "viewer", model: "demo/files" });
      const file = await uploaded(a, PHOTO, { mediaType: "image/jpeg", query: "?filename=photo.jpg" });
      for (const gateway of [a, b]) {
        const content = [{ type: "file", fileId: file.id }];
        const { runId } = await gateway.startRun({ agent: "viewer", input: [{ role: "user", content }] });
        const { output } = await gateway.waitForEnd(runId);
        expect(output).toBe(`photo.jpg: image/jpeg, ${PHOTO.length} bytes, SHA-256 ${sha256(PHOTO)}`);
        const response = await fetch(`${gateway.url}/api/files/${file.id}`, {
          headers: { authorization: `Bearer ${gateway.apiKey}` },
        });
        expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(file.sha256);
      }
    } finally {
      await Promise.all([a.close(), b.close()]);
      await database.drop();
    }
  });
});
