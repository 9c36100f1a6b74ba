import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * All processes of one chaos run, and its folder. They never outlive the process that started them. A warden waits for
 * the end of its standard input, which any death of ours causes. Then it kills each process by its id and removes the
 * folder.
 */
export interface Processes {
  readonly folder: string;
  /** Starts a TypeScript program with this very Node. */
  start(program: string, options: SpawnOptions & { readonly args?: readonly string[] }): ChildProcess;
  /** Opens a file in the folder for a child's output. */
  openFile(name: string): { readonly path: string; readonly fd: number };
  /** Returns the ids of the processes that have not ended. */
  alive(): number[];
  /** Kills the remaining processes and removes the folder. */
  close(): Promise<void>;
}

const wardenScript = `
cat >/dev/null
for file in "$1"/pids/*; do kill -KILL "$(basename "$file")" 2>/dev/null; done
rm -rf "$1"
`;

export async function openProcesses(): Promise<Processes> {
  const folder = await mkdtemp(join(tmpdir(), "hsafa-chaos-"));
  mkdirSync(join(folder, "pids"));
  const warden = spawn("sh", ["-c", wardenScript, "warden", folder], {
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
    detached: true,
  });
  const wardenEnd = once(warden, "exit");
  const children = new Set<ChildProcess>();

  return {
    folder,
    start(program, { args = [], ...options }) {
      const child = spawn(process.execPath, [program, ...args], { cwd: folder, ...options });
      if (child.pid === undefined) throw new Error(`${program} could not be started`);
      const note = join(folder, "pids", String(child.pid));
      writeFileSync(note, "");
      children.add(child);
      child.once("exit", () => {
        children.delete(child);
        rmSync(note, { force: true });
      });
      return child;
    },
    openFile(name) {
      const path = join(folder, name);
      return { path, fd: openSync(path, "a") };
    },
    alive: () => [...children].flatMap(({ pid }) => (pid === undefined ? [] : [pid])),
    async close() {
      await Promise.all(
        [...children].map(async (child) => {
          const exit = once(child, "exit");
          child.kill("SIGKILL");
          await exit;
        }),
      );
      warden.stdin.end();
      await wardenEnd;
    },
  };
}
