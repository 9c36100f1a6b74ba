import { existsSync } from "node:fs";
import { CliError } from "./cli-error.ts";
import type { ProjectConfig } from "./define-config.ts";
import { own } from "./shown.ts";
import { importUserModule } from "./user-module.ts";

const FILES = ["hsafa.config.ts", "hsafa.config.mts", "hsafa.config.js", "hsafa.config.mjs"] as const;
const FIELDS: ReadonlySet<string> = new Set(["agents", "port", "allowedOrigins"] satisfies (keyof ProjectConfig)[]);

/** Where agents lie when a project says nothing. */
export const AGENTS_FOLDER = "agents";

/** Returns the settings of the project in this folder; empty ones if it has none. Throws `CliError` for wrong ones. */
export async function readProjectConfig(): Promise<ProjectConfig> {
  const file = FILES.find((name) => existsSync(name));
  if (file === undefined) return {};
  const config = await importUserModule(file);
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new CliError(own`${file} exports no settings; write 'export default defineConfig({ ... })'.`);
  }
  const wrong = Object.keys(config).find((name) => !FIELDS.has(name));
  if (wrong !== undefined)
    throw new CliError(own`${file}: there is no setting '${wrong}'; there are ${[...FIELDS].join(", ")}.`);
  const { agents, port, allowedOrigins } = config as Record<string, unknown>;
  const isTexts = (value: unknown): boolean =>
    value === undefined || (Array.isArray(value) && value.every((item) => typeof item === "string"));
  if (!isTexts(agents)) throw new CliError(own`${file}: 'agents' is a list of folders and files.`);
  if (!isTexts(allowedOrigins)) throw new CliError(own`${file}: 'allowedOrigins' is a list of origins.`);
  if (port !== undefined && !Number.isSafeInteger(port)) throw new CliError(own`${file}: 'port' is a whole number.`);
  return config;
}
