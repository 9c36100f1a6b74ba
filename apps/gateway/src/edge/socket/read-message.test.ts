import { JSON_PARTS_MAX } from "@hsafa/protocol";
import { deviceMessageSchema } from "@hsafa/protocol/schema";
import { expect, test } from "vitest";
import { readMessage } from "./read-message.ts";

const CALL = "0199c8f0-0000-7000-8000-0000000000aa";
const read = (text: string) => readMessage(text, deviceMessageSchema, "callId", new Set(["tool.result"]));

test("a message is read as its schema says", () => {
  expect(read(`{"type":"tool.accepted","callId":"${CALL}"}`)).toEqual({
    kind: "message",
    message: { type: "tool.accepted", callId: CALL },
  });
});

test("what is no message is refused, with the call that it was about if that can be made out", () => {
  expect(read("}{")).toEqual({ kind: "invalid", detail: "The message is not JSON." });
  expect(read("null")).toMatchObject({ kind: "invalid" });
  expect(read(`{"type":"tool.accepted","callId":"${CALL}","more":1}`)).toEqual({
    kind: "invalid",
    detail: "'more': is not a known field.",
    subject: CALL,
  });
  expect(read(`{"type":"tool.result","callId":"${"x".repeat(201)}"}`)).not.toHaveProperty("subject");
});

test("nesting that would overflow a stack is refused by name", () => {
  const deep = `{"type":"tool.result","callId":"${CALL}","result":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  expect(read(deep)).toMatchObject({ kind: "invalid", subject: CALL });
});

test("a message of very many values is refused unparsed, with its call if that comes before the values", () => {
  const many = `[${"[],".repeat(JSON_PARTS_MAX)}1]`;
  const detail = expect.stringContaining(`more than ${JSON_PARTS_MAX} values`) as string;
  const first = read(` { "type":"tool.result" , "n":-1.5e3,"callId": "${CALL}","result":${many}}`);
  expect(first).toEqual({ kind: "invalid", detail, subject: CALL });
  expect(read(`{"type":"tool.result","result":${many},"callId":"${CALL}"}`)).toEqual({ kind: "invalid", detail });
  expect(read(`{"type":"tool.result","result":{"callId":"${CALL}","a":${many}}}`)).toEqual({ kind: "invalid", detail });
  expect(read(`no JSON ${many}`)).toEqual({ kind: "invalid", detail });
});

test.each(["1e400", "9007199254740993", '{"__proto__":1}', '{"a":1,"a":2}'])(
  "a result of %s is refused aloud, with its call, and never becomes another one",
  (result) => {
    const found = read(`{"type":"tool.result","callId":"${CALL}","result":${result}}`);
    expect(found).toMatchObject({
      kind: "invalid",
      subject: CALL,
      detail: expect.stringContaining("result") as string,
    });
  },
);

test("half a character is replaced in a result, and refused elsewhere", () => {
  expect(read(String.raw`{"type":"tool.result","callId":"${CALL}","result":"x\ud83d"}`)).toEqual({
    kind: "message",
    message: { type: "tool.result", callId: CALL, result: "x\ufffd" },
  });
  expect(read(String.raw`{"type":"tool.progress","callId":"${CALL}","data":"x\ud83d"}`)).toMatchObject({
    kind: "invalid",
    subject: CALL,
  });
});

test("a message that is wrong all over is answered with less than it sent", () => {
  const fields = Array.from({ length: 1000 }, (_, index) => [`${"x".repeat(1000)}${index}`, 1]);
  const found = read(JSON.stringify({ type: "ping", ...Object.fromEntries(fields) }));
  expect(found.kind === "invalid" && found.detail.length).toBeLessThan(5 * 520);
});
