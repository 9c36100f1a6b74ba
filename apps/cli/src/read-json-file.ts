import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { JSON_DEPTH_MAX, type JsonValue, readExactJson } from "@hsafa/protocol";
import { CliError } from "./cli-error.ts";
import { own } from "./shown.ts";

/** Reads the JSON of a file. Throws `CliError` for what is no JSON, or cannot be sent as it is. */
export function readJsonFile(file: string): JsonValue {
  if (!existsSync(file)) throw new CliError(own`There is no file ${resolve(file)}.`);
  const read = readExactJson(readFileSync(file, "utf8"), JSON_DEPTH_MAX);
  switch (read.kind) {
    case "json":
      return read.value;
    case "malformed":
      throw new CliError(own`${file} is not JSON: ${read.message}`);
    case "inexact":
      throw new CliError(own`${file} cannot be sent as it is: '${read.path}' ${read.message}.`);
    default:
      return read satisfies never;
  }
}
