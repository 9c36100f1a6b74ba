import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { CliError } from "./cli-error.ts";
import { own } from "./shown.ts";

/** Returns the default export of a user's JavaScript or TypeScript file. Throws `CliError` if there is none. */
export async function importUserModule(file: string): Promise<unknown> {
  const path = resolve(file);
  if (!existsSync(path)) throw new CliError(own`There is no file ${path}.`);
  const module = await load(path, file);
  if (!("default" in module)) throw new CliError(own`${file} has no default export; write 'export default { ... }'.`);
  return module.default;
}

async function load(path: string, file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    const cause = error instanceof Error ? error : new Error(String(error));
    const unknown = "code" in cause && cause.code === "ERR_UNKNOWN_FILE_EXTENSION";
    if (unknown)
      throw new CliError(
        own`This Node (${process.version}) cannot read TypeScript as it is; Node 22.18 or later can. ${file} was not loaded.`,
      );
    throw new CliError(own`${file} cannot be loaded: ${cause.message}`, { cause });
  }
}
