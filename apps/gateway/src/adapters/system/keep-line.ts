import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { KEPT_LINES_MAX } from "./limits.ts";

/**
 * Adds a line to a file that only its owner may read, as the last one. Returns a function that takes it out again. The
 * file keeps the newest `KEPT_LINES_MAX` lines, because a process that is killed leaves its own there.
 */
export async function keepLine(path: string, line: string): Promise<() => Promise<void>> {
  const others = async (): Promise<string[]> => (await linesOf(path)).filter((other) => other !== line);
  await replace(path, [...(await others()), line].slice(-KEPT_LINES_MAX));
  return async () => {
    const left = await others();
    await (left.length === 0 ? rm(path, { force: true }) : replace(path, left));
  };
}

async function linesOf(path: string): Promise<string[]> {
  try {
    return (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

async function replace(path: string, lines: readonly string[]): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, lines.map((line) => `${line}\n`).join(""), { mode: 0o600, flag: "wx" });
  await rename(draft, path);
}
