import module from "node:module";
import { fileURLToPath } from "node:url";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { type AgentFile, readAgentFile } from "./agent-file.ts";
import { AGENT_LOAD_TIMEOUT_MS } from "./limits.ts";

/** What came of loading an agent's file. */
export type LoadedAgent =
  /** `imports`: the project's own files that it imported, itself included, as absolute paths. */
  | { readonly kind: "loaded"; readonly agent: AgentFile; readonly imports: readonly string[] }
  | { readonly kind: "failed"; readonly message: string; readonly imports: readonly string[] };

/**
 * Loads an agent's file in a thread of its own. So its modules are read anew each time, and the memory of the former
 * time is gone. A file that never ends is given up after `AGENT_LOAD_TIMEOUT_MS`. Never rejects.
 */
export async function loadAgent(file: string): Promise<LoadedAgent> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { [ASKED]: file }, execArgv: [] });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<LoadedAgent>((resolve) => {
      const fail = (message: string): void => resolve({ kind: "failed", message, imports: [] });
      timer = setTimeout(
        () => fail(`it was not loaded after ${AGENT_LOAD_TIMEOUT_MS / 1000} s`),
        AGENT_LOAD_TIMEOUT_MS,
      );
      worker.once("message", (loaded: LoadedAgent) => resolve(loaded));
      worker.once("error", (error) => fail(error instanceof Error ? error.message : String(error)));
      worker.once("exit", () => fail("it ended its thread while it was loaded"));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/** Under this name a thread is told which file to load. Other threads that import this module load none. */
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

const asked = (workerData as Record<string, unknown> | null)?.[ASKED];
if (typeof asked === "string") {
  const loaded = await loadHere(asked);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port of a thread has no origin.
  parentPort?.postMessage(loaded);
}
