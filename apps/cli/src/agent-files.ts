import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { CliError } from "./cli-error.ts";
import { AGENT_FILES_MAX } from "./limits.ts";
import { own } from "./shown.ts";

/** Files that hold an agent, in a folder of agents. Tests and types do not, and folders inside hold what they share. */
const AGENT_FILE = /^(?!.*\.(test|spec|d)\.)[^._].*\.(json|[cm]?[jt]s|ya?ml)$/;

/**
 * Returns the files of agents that these paths name: a file is one, and a folder has those that lie directly in it.
 * Throws `CliError` for a path that is not there, and for too many files.
 */
export function agentFiles(paths: readonly string[]): string[] {
  const files = paths.flatMap((path) => {
    if (!existsSync(path)) throw new CliError(own`There is no file or folder ${path}.`);
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && isAgentFile(entry.name))
      .map((entry) => join(path, entry.name))
      .toSorted();
  });
  if (files.length > AGENT_FILES_MAX) {
    throw new CliError(own`${files.length} files are too many at once; at most ${AGENT_FILES_MAX} are read.`);
  }
  return [...new Set(files)];
}

/** Whether a file of this name holds an agent where it lies in a folder of agents. */
function isAgentFile(path: string): boolean {
  return AGENT_FILE.test(basename(path));
}
