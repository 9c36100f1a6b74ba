import { expect, test } from "vitest";
import { jsonFormat } from "./json.ts";
import { sseFormat } from "./sse.ts";

const json = Buffer.from('{"id":"7-2","data":{"text":"größer 😀"}}');

test("as server-sent events an event is its position and its JSON on one line", () => {
  const bytes = sseFormat.encode({ id: "7-2", json });
  expect(bytes.toString()).toBe(`id: 7-2\ndata: ${json.toString()}\n\n`);
});

test("an event without a position has no id line, so that a client's last position stays what it was", () => {
  expect(sseFormat.encode({ id: null, json }).toString()).toBe(`data: ${json.toString()}\n\n`);
});

test("as JSON an event is the bytes that are kept anyway", () => {
  expect(jsonFormat.encode({ id: "7-2", json })).toBe(json);
});
