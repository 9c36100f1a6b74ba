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
  return heard(child, `hsafa ${args.join(" ")}`);
}

/**
 * Starts what a person types, in a shell and in a group of processes of its own: `endLine` ends all of them. It knows
 * the packages of the folder, and nothing else of the environment of the test.
 */
export function startLine(line: string, { folder, env = {} }: Omit<CommandParams, "input">): Command {
  const child = spawn("sh", ["-c", line], {
    cwd: folder,
    env: { ...programEnv(), NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  return heard(child, line);
}

/** Ends what `startLine` has started, with all processes below it. npm does not pass every signal on. */
export async function endLine({ child, exit }: Command): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
    process.kill(-child.pid, "SIGTERM");
  await exit;
}

function heard(child: ChildProcess, name: string): Command {
  const printed = { out: "", notes: "" };
  const listeners = new Set<(hasEnded: boolean) => void>();
  const hear = (hasEnded: boolean): void => {
    for (const listener of listeners) listener(hasEnded);
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    printed.out += text;
    hear(false);
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
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
        else reject(new Error(`'${name}' ended without ${pattern}:\n${printed.out}\n${printed.notes}`));
      };
      listeners.add(look);
      look(child.exitCode !== null);
    });
  return { child, printed, exit, says };
}
