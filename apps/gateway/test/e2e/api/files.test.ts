import { createHash } from "node:crypto";
import { FILE_BYTES_MAX, FILES_PER_INPUT_MAX, type Page, type StoredFile, type TenantQuotas } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ApiGateway, MISSING_ID, startApiGateway } from "../../support/api-gateway.ts";
import { expectProblem } from "../../support/expect-problem.ts";
import { PDF, photo, PNG } from "../../support/sample-files.ts";
import { upload, uploaded } from "../../support/upload.ts";

let gateway: ApiGateway;
beforeAll(async () => {
  gateway = await startApiGateway();
  await gateway.pushAgent({ name: "viewer", model: "demo/files" });
});
afterAll(() => gateway.close());

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function download(id: string, credential = gateway.apiKey) {
  const response = await fetch(`${gateway.url}/api/files/${id}`, {
    headers: { authorization: `Bearer ${credential}` },
  });
  return { response, bytes: new Uint8Array(await response.arrayBuffer()) };
}

/** What the demo model says of the files that it received. */
async function seen(content: readonly unknown[]): Promise<unknown> {
  const { runId } = await gateway.startRun({ agent: "viewer", input: [{ role: "user", content }] });
  const run = await gateway.waitForEnd(runId);
  if (run.status !== "completed") throw new Error(JSON.stringify(run.error));
  return run.output;
}

describe("uploads", () => {
  test("a photo of 3 MB comes back as it was sent, as something to save and not to show", async () => {
    const bytes = photo(3_000_001);
    const file = await uploaded(gateway, bytes, {
      mediaType: "image/jpeg",
      query: "?filename=Z%C3%BCrich%20%22a%22.jpg",
    });
    expect(file).toMatchObject({
      filename: 'Zürich "a".jpg',
      mediaType: "image/jpeg",
      size: bytes.length,
      sha256: sha256(bytes),
      subject: null,
    });
    const { response, bytes: read } = await download(file.id);
    expect(Buffer.compare(read, bytes)).toBe(0);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "image/jpeg",
      "content-length": String(bytes.length),
      "content-disposition": `attachment; filename="Z_rich _a_.jpg"; filename*=UTF-8''Z%C3%BCrich%20%22a%22.jpg`,
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
      "cache-control": "no-store",
    });
    const head = await gateway.call("HEAD", `/api/files/${file.id}`);
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(bytes.length)]);
  });

  test("a stream of unknown length is stored, and the largest file is", async () => {
    const bytes = photo(FILE_BYTES_MAX);
    const stream = new Blob([Buffer.from(bytes)]).stream();
    const file = await uploaded(gateway, stream, { mediaType: "application/octet-stream" });
    expect(file).toMatchObject({ size: FILE_BYTES_MAX, mediaType: "image/jpeg", sha256: sha256(bytes) });
    expect(sha256((await download(file.id)).bytes)).toBe(file.sha256);
    await gateway.call("DELETE", `/api/files/${file.id}`);
  });

  test("a file that is too large is refused before its bytes are read, and while they come", async () => {
    const { usage } = await storedBytes();
    const told = await upload(gateway, photo(FILE_BYTES_MAX + 1), { mediaType: "image/jpeg" });
    expectProblem(told, 413, "payload_too_large");
    const stream = new Blob([Buffer.from(photo(FILE_BYTES_MAX + 1))]).stream();
    expectProblem(await upload(gateway, stream, { mediaType: "image/jpeg" }), 413, "payload_too_large");
    expect((await storedBytes()).usage).toBe(usage);
  });

  test("a file that lies about its type is refused with both types, and nothing of it is kept", async () => {
    const before = (await list()).length;
    const lie = await upload(gateway, PNG, { mediaType: "application/pdf" });
    expectProblem(lie, 415, "unsupported_media_type");
    expect(JSON.stringify(lie.body)).toMatch(/'application\/pdf'.*'image\/png'/);
    expectProblem(await upload(gateway, "words", { mediaType: "image/png" }), 415, "unsupported_media_type");
    expectProblem(await upload(gateway, PNG, { mediaType: "nonsense" }), 415, "unsupported_media_type");
    const form = { mediaType: "multipart/form-data; boundary=a" };
    expectProblem(await upload(gateway, "--a--", form), 415, "unsupported_media_type");
    const packed = { headers: { "content-encoding": "gzip" } };
    expectProblem(await upload(gateway, "words", packed), 415, "unsupported_media_type");
    expect(await list()).toHaveLength(before);
  });

  test("an empty file and a name that leads elsewhere are refused", async () => {
    expectProblem(await upload(gateway, ""), 400, "invalid_request");
    for (const name of ["../../etc/passwd", "a%5Cb", "a%00b", ""]) {
      expectProblem(await upload(gateway, "words", { query: `?filename=${name}` }), 400, "invalid_request");
    }
  });

  test("the same upload under one idempotency key is one file; another one is refused", async () => {
    const headers = { "idempotency-key": "once" };
    const first = await upload(gateway, PNG, { mediaType: "image/png", headers });
    const second = await upload(gateway, PNG, { mediaType: "image/png", headers });
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toMatchObject({ id: first.body.id });
    const other = await upload(gateway, PDF, { mediaType: "application/pdf", headers });
    expectProblem(other, 422, "idempotency_key_reused");
    expect(sha256((await download(first.body.id)).bytes)).toBe(sha256(PNG));
  });

  test("a quota without room refuses the file before it is sent", async () => {
    const { usage } = await storedBytes();
    await gateway.call("PUT", "/api/quotas", { quotas: { storedBytes: usage + 10_000 } });
    try {
      expectProblem(await upload(gateway, photo(2_000_000), { mediaType: "image/jpeg" }), 429, "quota_exceeded");
      expect((await upload(gateway, "words")).status).toBe(201);
    } finally {
      await gateway.call("PUT", "/api/quotas", { quotas: { storedBytes: null } });
    }
  });

  test("a deleted file is gone, and its bytes count no more", async () => {
    const { usage } = await storedBytes();
    const { id } = await uploaded(gateway, photo(1_000_000), { mediaType: "image/jpeg" });
    expect((await storedBytes()).usage).toBeGreaterThanOrEqual(usage + 1_000_000);
    expect((await gateway.call("DELETE", `/api/files/${id}`)).status).toBe(204);
    expectProblem(await gateway.call("DELETE", `/api/files/${id}`), 404, "not_found");
    expectProblem(await gateway.call("GET", `/api/files/${id}`), 404, "not_found");
    expect((await storedBytes()).usage).toBeLessThan(usage + 500_000);
  });

  async function list(): Promise<StoredFile[]> {
    return (await gateway.call<Page<StoredFile>>("GET", "/api/files?limit=200")).body.data;
  }

  async function storedBytes(): Promise<{ usage: number }> {
    const { body } = await gateway.call<TenantQuotas>("GET", "/api/quotas");
    return { usage: body.quotas.storedBytes.used };
  }
});

describe("files of messages", () => {
  test("a photo of 3 MB reaches the model, and the record has its id alone", async () => {
    const bytes = photo(3_000_000);
    const { id } = await uploaded(gateway, bytes, { mediaType: "image/jpeg", query: "?filename=photo.jpg" });
    const content = [
      { type: "text", text: "What is this?" },
      { type: "file", fileId: id },
    ];
    const { runId } = await gateway.startRun({ agent: "viewer", input: [{ role: "user", content }] });
    const run = await gateway.waitForEnd(runId);
    expect(run.output).toBe(`photo.jpg: image/jpeg, ${bytes.length} bytes, SHA-256 ${sha256(bytes)}`);
    const events = await gateway.events(runId);
    expect(JSON.stringify(events).length).toBeLessThan(10_000);
    expect(JSON.stringify(events)).toContain(
      JSON.stringify({ type: "file", fileId: id, mediaType: "image/jpeg", filename: "photo.jpg", size: bytes.length }),
    );
  });

  test("bytes within a message are stored once, however often they are sent, and the record has their id", async () => {
    const part = {
      type: "file",
      data: Buffer.from(PDF).toString("base64"),
      mediaType: "application/pdf",
      filename: "a.pdf",
    };
    const picture = { type: "image", image: `data:image/png;base64,${Buffer.from(PNG).toString("base64")}` };
    const content = [part, picture];
    const ids = new Set<unknown>();
    for (let nth = 0; nth < 2; nth += 1) {
      const { runId } = await gateway.startRun({ agent: "viewer", input: [{ role: "user", content }] });
      const { output } = await gateway.waitForEnd(runId);
      expect(output).toBe(
        `a.pdf: application/pdf, ${PDF.length} bytes, SHA-256 ${sha256(PDF)}\nA file: image/png, ${PNG.length} bytes, SHA-256 ${sha256(PNG)}`,
      );
      const text = JSON.stringify(await gateway.events(runId));
      expect(text).not.toContain(part.data);
      for (const [, id] of text.matchAll(/"fileId":"([^"]+)"/g)) ids.add(id);
    }
    expect(ids.size).toBe(2);
  });

  test("a message to a run in progress carries files too", async () => {
    const { runId, callId } = await gateway.startWaitingRun();
    const { id } = await uploaded(gateway, "words");
    const message = { role: "user", content: [{ type: "file", fileId: id }] };
    expect((await gateway.call("POST", `/api/runs/${runId}/messages`, { message })).status).toBe(202);
    await gateway.call("POST", `/api/runs/${runId}/tool-results`, { callId, result: "yes" });
    await expect.poll(async () => JSON.stringify(await gateway.events(runId))).toContain(`"fileId":"${id}"`);
    const missing = { role: "user", content: [{ type: "file", fileId: MISSING_ID }] };
    const answer = await gateway.call("POST", `/api/runs/${runId}/messages`, { message: missing });
    expectProblem(answer, 400, "invalid_request");
    expect(answer.body).toMatchObject({ errors: [{ path: "message.content.0.fileId" }] });
  });

  test("a later run of the thread sees the file, and one that was deleted is named as left out", async () => {
    const { id: threadId } = (await gateway.call<{ id: string }>("POST", "/api/threads", {})).body;
    const { id } = await uploaded(gateway, PNG, { mediaType: "image/png", query: "?filename=dot.png" });
    const first = await gateway.startRun({
      agent: "viewer",
      threadId,
      input: [{ role: "user", content: [{ type: "file", fileId: id }] }],
    });
    await gateway.waitForEnd(first.runId);
    await gateway.call("DELETE", `/api/files/${id}`);
    const second = await gateway.startRun({ agent: "viewer", threadId, input: "And now?" });
    await gateway.waitForEnd(second.runId);
    const [completed] = (await gateway.events(second.runId)).filter(({ type }) => type === "step.completed");
    expect(completed?.data).toMatchObject({ leftOut: [{ reason: "missing", what: "dot.png (image/png)" }] });
  });

  test.each([
    ["fileId", { type: "file", fileId: MISSING_ID }, "input.0.content.0.fileId"],
    ["data", { type: "file", data: "no base64!", mediaType: "text/plain" }, "input.0.content.0.data"],
    ["image", { type: "image", image: "%%%" }, "input.0.content.0.image"],
    ["two sources", { type: "file", fileId: MISSING_ID, data: "AA==" }, "input.0.content.0"],
    ["no source", { type: "file", mediaType: "text/plain" }, "input.0.content.0"],
    ["an address of another kind", { type: "file", url: "file:///etc/passwd" }, "input.0.content.0.url"],
    ["a private address", { type: "file", url: "http://10.0.0.1/a.png" }, "input.0.content.0.url"],
  ])("a part with a wrong %s is refused, with where it stands", async (_, part, path) => {
    const answer = await gateway.call("POST", "/api/runs", {
      agent: "viewer",
      input: [{ role: "user", content: [part] }],
    });
    expectProblem(answer, 400, "invalid_request");
    expect(answer.body).toMatchObject({ errors: [{ path }] });
  });

  test("a part whose bytes are something else is refused with both types", async () => {
    const part = { type: "file", data: Buffer.from(PNG).toString("base64"), mediaType: "application/pdf" };
    const answer = await gateway.call("POST", "/api/runs", {
      agent: "viewer",
      input: [{ role: "user", content: [part] }],
    });
    expectProblem(answer, 415, "unsupported_media_type");
    expect(JSON.stringify(answer.body)).toMatch(/input\.0\.content\.0.*'application\/pdf'.*'image\/png'/);
  });

  test("too many files in one input are refused", async () => {
    const { id } = await uploaded(gateway, "words");
    const content = Array.from({ length: FILES_PER_INPUT_MAX + 1 }, () => ({ type: "file", fileId: id }));
    expectProblem(
      await gateway.call("POST", "/api/runs", { agent: "viewer", input: [{ role: "user", content }] }),
      400,
      "invalid_request",
    );
  });

  test("a start that is repeated under its idempotency key is one run with one file", async () => {
    const part = { type: "file", data: Buffer.from("the same words").toString("base64"), mediaType: "text/plain" };
    const body = { agent: "viewer", input: [{ role: "user", content: [part] }] };
    const options = { headers: { "idempotency-key": "a start with a file" } };
    const answers = [];
    for (let nth = 0; nth < 3; nth += 1) answers.push(await gateway.call("POST", "/api/runs", body, options));
    expect(new Set(answers.map((answer) => answer.body.runId)).size).toBe(1);
  });

  test("nothing but a text is said of no file", async () => {
    expect(await seen([{ type: "text", text: "hello" }])).toBe("I received no file.");
  });
});

describe("who reaches a file", () => {
  test("a user reaches the own files and those of the runs that they see, and nobody else's", async () => {
    const token = (subject: string) =>
      gateway.createToken({ scopes: ["runs:write", "runs:read"], agents: ["viewer"], subject });
    const [ada, bob] = [await token("ada"), await token("bob")];
    const { id } = await uploaded(gateway, "secret words", { credential: ada });
    const mine = await gateway.call<Page<StoredFile>>("GET", "/api/files", undefined, { credential: ada });
    expect(mine.body.data.map((file) => file.id)).toEqual([id]);
    const theirs = await gateway.call<Page<StoredFile>>("GET", "/api/files", undefined, { credential: bob });
    expect(theirs.body.data).toEqual([]);
    const missing = await gateway.call("GET", `/api/files/${MISSING_ID}`, undefined, { credential: bob });
    for (const credential of [bob, gateway.foreignKey]) {
      expect((await download(id, credential)).response.status).toBe(404);
      const answer = await gateway.call("DELETE", `/api/files/${id}`, undefined, { credential });
      expect({ ...answer.body, requestId: 0 }).toEqual({ ...missing.body, requestId: 0 });
      const start = { agent: "viewer", input: [{ role: "user", content: [{ type: "file", fileId: id }] }] };
      expectProblem(await gateway.call("POST", "/api/runs", start, { credential }), 400, "invalid_request");
    }
    expect((await download(id, ada)).response.status).toBe(200);
  });

  test("a token for one run reaches the files that the run uses, and no others", async () => {
    const [used, other] = [await uploaded(gateway, "used"), await uploaded(gateway, "other")];
    const { runId } = await gateway.startRun({
      agent: "viewer",
      input: [{ role: "user", content: [{ type: "file", fileId: used.id }] }],
    });
    const credential = await gateway.createToken({ scopes: ["runs:read"], runId });
    expect((await download(used.id, credential)).response.status).toBe(200);
    expect((await download(other.id, credential)).response.status).toBe(404);
    expectProblem(await gateway.call("GET", "/api/files", undefined, { credential }), 403, "forbidden");
  });
});
