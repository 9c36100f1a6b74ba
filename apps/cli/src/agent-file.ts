import { extname } from "node:path";
import { type JsonObject, writeExactJson } from "@hsafa/protocol";
import { CliError } from "./cli-error.ts";
import { readJsonFile } from "./read-json-file.ts";
import { own } from "./shown.ts";
import { importUserModule } from "./user-module.ts";

/** An agent as its file has it. */
export interface AgentFile {
  readonly name: string;
  /** Without the `$schema` that editors read. */
  readonly config: JsonObject;
}

/**
 * Reads an agent's config from a file: JSON, or a JavaScript or TypeScript module with a default export. The gateway
 * checks the content. Throws `CliError` for a file without a config.
 */
export async function readAgentFile(file: string): Promise<AgentFile> {
  const extension = extname(file);
  if (/^\.ya?ml$/i.test(extension)) {
    throw new CliError(
      own`${file} is YAML, which hsafa does not read: write it as JSON, or as a TypeScript module with defineAgent.`,
    );
  }
  const config = extension === ".json" ? readJsonFile(file) : jsonOf(await importUserModule(file), file);
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new CliError(own`${file} holds no agent config: it must be an object with 'name' and 'model'.`);
  }
  const { $schema: _forEditors, ...rest } = config as JsonObject;
  const { name } = rest;
  if (typeof name !== "string")
    throw new CliError(own`${file}: 'name' is missing; give the agent one, like "name": "support".`);
  return { name, config: rest };
}

/** Drops what JSON cannot hold, such as fields that are `undefined`, before the config is hashed. */
function jsonOf(value: unknown, file: string): unknown {
  try {
    return JSON.parse(writeExactJson(value) ?? "null");
  } catch (error) {
    throw new CliError(
      own`What ${file} exports cannot be written as JSON: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}
