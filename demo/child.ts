import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const HSAFA = join(import.meta.dirname, "../apps/cli/bin/hsafa.js");
const STOP_TIMEOUT_MS = 10_000;

/** An hsafa command in a process of its own. */
export interface Child {
  readonly pid: number;
  /** Resolves with the first match in the command's output. Rejects if the command ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Ends it with SIGTERM, and with SIGKILL if that takes too long. */
  stop(): Promise<void>;
}

export function startHsafa(
  args: readonly string[],
  params: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Child {
  const child = spawn(process.execPath, [HSAFA, ...args], { ...params, stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  const listeners = new Set<() => void>();
  const hear = (text: string): void => {
    printed += text;
    for (const listener of listeners) listener();
  };
  for (const output of [child.stdout, child.stderr]) output.setEncoding("utf8").on("data", hear);
  child.once("error", (error) => hear(error.message));

  return {
    pid: child.pid ?? 0,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(printed);
          if (match === null && isRunning(child)) return;
          listeners.delete(look);
          child.off("close", look);
          if (match !== null) resolve(match);
          else reject(new Error(`'hsafa ${args.join(" ")}' ended and said:\n${printed}`));
        };
        listeners.add(look);
        child.on("close", look);
        look();
      }),
    async stop() {
      if (!isRunning(child)) return;
      const closed = once(child, "close");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}
