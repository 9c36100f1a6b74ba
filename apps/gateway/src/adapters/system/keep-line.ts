import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";

/**
 * Writes a file of one line, which only its owner may read. A reader finds the whole line, or the one before. Returns a
 * function that removes the file, unless somebody else has written another line since.
 */
export async function keepLine(path: string, line: string): Promise<() => Promise<void>> {
  const text = `${line}\n`;
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, text, { mode: 0o600, flag: "wx" });
  await rename(draft, path);
  return async () => {
    if ((await textOf(path)) === text) await rm(path, { force: true });
  };
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}
