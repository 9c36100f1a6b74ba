import { expect, test } from "vitest";
import { type Handler, json, problem, startFakeGateway } from "../test/fake-gateway.ts";
import { createFiles } from "./files.ts";

const file = { id: "file-1", filename: "a.txt", mediaType: "text/plain", size: 5 };
const vanish: Handler = (_request, response) => response.destroy();

async function start(...handlers: Handler[]) {
  const gateway = await startFakeGateway(...handlers);
  return { gateway, files: createFiles({ url: gateway.url, token: "hsafa_key" }) };
}

test("an upload whose response was lost is sent again with the same bytes under the same key", async () => {
  const { gateway, files } = await start(vanish, problem(503, "unavailable"), json(201, file));
  expect(await files.upload("words", { filename: "a.txt", mediaType: "text/plain" })).toEqual(file);
  expect(gateway.requests).toHaveLength(3);
  const [first] = gateway.requests;
  for (const { method, url, headers, body } of gateway.requests) {
    expect({ method, url, body }).toEqual({ method: "POST", url: "/api/files?filename=a.txt", body: "words" });
    expect(headers).toMatchObject({
      "content-type": "text/plain",
      "content-length": "5",
      authorization: "Bearer hsafa_key",
      "idempotency-key": first?.headers["idempotency-key"],
    });
  }
});

test("a File brings its name and type, and uploads at once do not mix", async () => {
  const { gateway, files } = await start(json(201, file));
  const photo = new File(["pixels"], "photo.jpg", { type: "image/jpeg" });
  await Promise.all([files.upload(photo), files.upload(new Uint8Array([119, 111])), files.upload("text")]);
  const sent = gateway.requests.map(({ url, headers, body }) => `${url} ${headers["content-type"]} ${body}`);
  expect(sent.toSorted()).toEqual([
    "/api/files application/octet-stream text",
    "/api/files application/octet-stream wo",
    "/api/files?filename=photo.jpg image/jpeg pixels",
  ]);
});

test("a refused upload is reported at once", async () => {
  const { gateway, files } = await start(problem(415, "unsupported_media_type"));
  await expect(files.upload("words")).rejects.toMatchObject({ code: "unsupported_media_type", status: 415 });
  expect(gateway.requests).toHaveLength(1);
});

test("files are listed, read and deleted", async () => {
  const { gateway, files } = await start(json(200, { data: [file], nextCursor: null }), (_request, response) =>
    response.writeHead(gateway.requests.length === 2 ? 200 : 204).end(gateway.requests.length === 2 ? "words" : ""),
  );
  expect(await files.list({ subject: "ada" })).toMatchObject({ data: [file] });
  expect(await (await files.download("a/b")).text()).toBe("words");
  await files.delete("file-1");
  expect(gateway.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
    "GET /api/files?subject=ada",
    "GET /api/files/a%2Fb",
    "DELETE /api/files/file-1",
  ]);
});
