import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CLOSE_CODES } from "@hsafa/protocol";
import { parseSync, Visitor } from "oxc-parser";
import { expect, test } from "vitest";
import { apiRoutes } from "../src/edge/http/api-routes.ts";

const root = join(import.meta.dirname, "../../..");
const document = readFileSync(join(root, "PROTOCOL.md"), "utf8");

/** What stands in backticks in the document, one entry for each piece of code. */
const named = new Set([...document.matchAll(/`([^`\n]+)`/g)].map((match) => match[1] ?? ""));

function parse(file: string): ReturnType<typeof parseSync>["program"] {
  const path = join(root, "packages/protocol/src", file);
  return parseSync(path, readFileSync(path, "utf8")).program;
}

/** The names of events: the members of the interfaces that say what each event carries. */
function eventTypes(): string[] {
  const types: string[] = [];
  new Visitor({
    TSInterfaceDeclaration: ({ id, body }) => {
      if (id.name !== "FactData" && id.name !== "DeltaData") return;
      for (const member of body.body) {
        if (member.type !== "TSPropertySignature" || member.key.type !== "Literal") continue;
        if (typeof member.key.value === "string") types.push(member.key.value);
      }
    },
  }).visit(parse("event.ts"));
  return types;
}

/** The names of messages: the literal types of their field `type`. */
function messageTypes(file: string): string[] {
  const types: string[] = [];
  new Visitor({
    TSPropertySignature: ({ key, typeAnnotation }) => {
      const type = typeAnnotation?.typeAnnotation;
      if (key.type !== "Identifier" || key.name !== "type" || type?.type !== "TSLiteralType") return;
      if (type.literal.type === "Literal" && typeof type.literal.value === "string") types.push(type.literal.value);
    },
  }).visit(parse(file));
  return types;
}

test("PROTOCOL.md names every route of the API", () => {
  // A call may stand with its query or its body: `GET /api/runs?status=`, `POST /api/runs {agent}`.
  const calls = [...named].map((code) => code.split(/[ ?]/, 3).slice(0, 2).join(" "));
  const routes = apiRoutes.map(({ method, path }) => `${method} ${path}`);
  expect(routes.length).toBeGreaterThan(20);
  expect(routes.filter((route) => !calls.includes(route))).toEqual([]);
});

test("PROTOCOL.md names every event", () => {
  const types = eventTypes();
  expect(types.length).toBeGreaterThan(20);
  expect(types.filter((type) => !named.has(type))).toEqual([]);
});

test("PROTOCOL.md names every message of devices and of watch sockets", () => {
  const types = [...messageTypes("device-message.ts"), ...messageTypes("watch.ts")];
  expect(types.length).toBeGreaterThan(10);
  // A message may stand with its fields: `ended {runId}`, `{type: "auth", token}`.
  const isNamed = (type: string): boolean =>
    [...named].some((code) => code.split(" ")[0] === type || code.includes(`"${type}"`));
  expect(types.filter((type) => !isNamed(type))).toEqual([]);
});

test("PROTOCOL.md says what each close code asks for", () => {
  const rows = document.split("\n").filter((line) => line.startsWith("| "));
  const missing = Object.values(CLOSE_CODES).filter((code) => !rows.some((row) => row.startsWith(`| ${code} |`)));
  expect(missing).toEqual([]);
});
