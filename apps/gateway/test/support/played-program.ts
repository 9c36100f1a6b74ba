import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { onTestFinished } from "vitest";

/** A program of a document that runs, and all that it has printed so far. */
export interface PlayedProgram {
  readonly child: ChildProcess;
  said(): string;
}

/** Saves a program, and runs it as a reader would: with the variables that it reads, and nothing else. */
export function playProgram(file: string, code: string, env: Readonly<Record<string, string>>): PlayedProgram {
  writeFileSync(file, code);
  const child = spawn(process.execPath, [file], { cwd: dirname(file), env: { PATH: process.env.PATH, ...env } });
  onTestFinished(() => void child.kill("SIGKILL"));
  let printed = "";
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
  }
  return { child, said: () => printed };
}
