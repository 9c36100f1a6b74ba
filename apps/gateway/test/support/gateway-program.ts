import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { programEnv } from "./program-env.ts";

/** The program of `hsafa start`. */
export const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/**
 * Starts a gateway as a process of its own, on any free port. Its environment is `env`, and what a program needs to run
 * at all. The test must end the process.
 */
export function startProgram(env: Readonly<Record<string, string>>, program: string = MAIN): ChildProcess {
  return spawn(process.execPath, [program], {
    env: { ...programEnv(), PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Waits until the program listens, and returns its URL. Rejects if it ends before. */
export async function listeningUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the program has no stdout");
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error("the program ended before it listened");
}
