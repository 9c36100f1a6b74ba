import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { programEnv } from "../../../gateway/test/support/program-env.ts";

const root = join(import.meta.dirname, "../../../..");

/** A command in a process of its own. */
export interface Command {
  readonly child: ChildProcess;
  readonly printed: { out: string; notes: string };
  readonly exit: Promise<number | null>;
  /** Resolves with the match once the output has one. Rejects if the command ends without it. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
}

/** Where a command runs, and what it is given. */
export interface CommandParams {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What the command reads on its standard input. */
  readonly input?: string;
}

/** Starts `hsafa` with these arguments. It knows nothing of the environment of the test. */
export function startCommand(args: readonly string[], { folder, env = {}, input = "" }: CommandParams): Command {
  const child = spawn(process.execPath, [join(root, "apps/cli/bin/hsafa.js"), ...args], {
    cwd: folder,
    env: { ...programEnv(), NO_COLOR: "1", ...env },
    stdio: "pipe",
  });
  child.stdin.end(input);
  const printed = { out: "", notes: "" };
  const listeners = new Set<(hasEnded: boolean) => void>();
  const hear = (hasEnded: boolean): void => {
    for (const listener of listeners) listener(hasEnded);
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    printed.out += text;
    hear(false);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed.notes += text;
    hear(false);
  });
  const exit = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      hear(true);
      resolve(code);
    });
  });
  const says = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (hasEnded: boolean): void => {
        const match = pattern.exec(`${printed.out}\n${printed.notes}`);
        if (match === null && !hasEnded) return;
        listeners.delete(look);
        if (match !== null) resolve(match);
        else reject(new Error(`'hsafa ${args.join(" ")}' ended without ${pattern}:\n${printed.out}\n${printed.notes}`));
      };
      listeners.add(look);
      look(child.exitCode !== null);
    });
  return { child, printed, exit, says };
}
