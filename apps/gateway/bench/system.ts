import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { workedMsOfAll } from "./worked-ms.ts";

/** A process that is measured. */
export interface System {
  readonly url: string;
  /** User and system CPU time so far, in seconds: its own and that of the processes that it started. */
  cpuSeconds(): number;
  stop(): Promise<void>;
}

/** Starts a program that prints `listening on <url>` when it is ready. */
export async function startSystem(
  program: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<System> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await readyUrl(child);
  const { pid } = child;
  if (pid === undefined) throw new Error("The child has no process id.");
  return {
    url,
    cpuSeconds: () => workedMsOfAll(pid) / 1000,
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}

async function readyUrl(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("The child has no standard output.");
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /listening on (http\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    return url;
  }
  throw new Error(`${child.spawnargs.join(" ")} ended before it was ready.`);
}
