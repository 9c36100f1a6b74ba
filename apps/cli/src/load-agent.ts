import { fork } from "node:child_process";
import module from "node:module";
import { fileURLToPath } from "node:url";
import { type AgentFile, readAgentFile } from "./agent-file.ts";
import { AGENT_LOAD_TIMEOUT_MS } from "./limits.ts";

/** What came of loading an agent's file. */
export type LoadedAgent =
  /** `imports`: the project's own files that it imported, itself included, as absolute paths. */
  | { readonly kind: "loaded"; readonly agent: AgentFile; readonly imports: readonly string[] }
  | { readonly kind: "failed"; readonly message: string; readonly imports: readonly string[] };

/**
 * Loads an agent's file in a process of its own. So its modules are read anew each time, and nothing that it does ends
 * this process. A file that never ends is given up after `AGENT_LOAD_TIMEOUT_MS`. Never rejects.
 */
export async function loadAgent(file: string): Promise<LoadedAgent> {
  const child = fork(fileURLToPath(import.meta.url), [ASKED, file], {
    execArgv: [],
    serialization: "advanced",
    // What the file prints is no output of the command.
    stdio: ["ignore", 2, "inherit", "ipc"],
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<LoadedAgent>((resolve) => {
      const fail = (message: string): void => resolve({ kind: "failed", message, imports: [] });
      timer = setTimeout(
        () => fail(`it was not loaded after ${AGENT_LOAD_TIMEOUT_MS / 1000} s`),
        AGENT_LOAD_TIMEOUT_MS,
      );
      child.once("message", (loaded) => resolve(loaded as LoadedAgent));
      child.once("error", (error) => fail(error.message));
      child.once("close", () => fail("it ended its process while it was loaded"));
    });
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
  }
}

/** The first argument of a process that loads an agent's file. Others that import this module load none. */
const ASKED = "hsafa:agent-file";

async function loadHere(file: string): Promise<LoadedAgent> {
  const imports = new Set<string>();
  // Node before 22.15 cannot say what was imported.
  (module as Partial<typeof module>).registerHooks?.({
    load(url, context, next) {
      if (url.startsWith("file:") && !url.includes("/node_modules/")) imports.add(fileURLToPath(url));
      return next(url, context);
    },
  });
  try {
    const agent = await readAgentFile(file);
    return { kind: "loaded", agent, imports: [...imports] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "failed", message, imports: [...imports] };
  }
}

const [, , asked, file] = process.argv;
if (asked === ASKED && file !== undefined) process.send?.(await loadHere(file));
