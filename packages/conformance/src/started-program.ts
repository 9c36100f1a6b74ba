import { type ChildProcess, spawn } from "node:child_process";
import { COMPLAINTS_MAX_CHARACTERS, STOP_MAX_MS } from "./limits.ts";

/** A program that is tried: its command line, and the environment that it gets beside the variables of a case. */
export interface TriedProgram {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A program that runs. */
export interface StartedProgram {
  /** What it wrote to its standard output so far. */
  readonly output: () => string;
  /** The last lines of its standard error. */
  readonly complaints: () => string;
  readonly hasEnded: () => boolean;
  /** Ends it, and waits for its end. */
  stop(): Promise<void>;
}

/** Starts the program with the variables of a case. */
export function startProgram(
  { command, env }: TriedProgram,
  variables: Readonly<Record<string, string>>,
): StartedProgram {
  const [file = "", ...args] = command;
  const child: ChildProcess = spawn(file, args, { env: { ...env, ...variables }, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let complaints = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaints = `${complaints}${text}`.slice(-COMPLAINTS_MAX_CHARACTERS);
  });
  let hasEnded = false;
  const ended = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      complaints += error.message;
      hasEnded = true;
      resolve();
    });
    child.once("close", () => {
      hasEnded = true;
      resolve();
    });
  });
  return {
    output: () => output,
    complaints: () => complaints,
    hasEnded: () => hasEnded,
    async stop() {
      if (hasEnded) return;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MAX_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}
