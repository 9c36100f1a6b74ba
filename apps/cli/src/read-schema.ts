import type { JsonObject } from "@hsafa/protocol";
import { CliError } from "./cli-error.ts";
import { readJsonFile } from "./read-json-file.ts";
import { own } from "./shown.ts";

/** Reads the JSON Schema of a file. The gateway checks it. Throws `CliError` for a file without one. */
export function readSchema(file: string): JsonObject {
  const schema = readJsonFile(file);
  if (typeof schema === "object" && schema !== null && !Array.isArray(schema)) return schema;
  throw new CliError(own`${file} holds no JSON Schema: it must be an object, like {"type": "object", …}.`);
}
