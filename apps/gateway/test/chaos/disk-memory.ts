import { readFile, rename, writeFile } from "node:fs/promises";
import type { DeviceStorage } from "@hsafa/client";

/** A device's memory in a file of its own. A kill during a write leaves the previous content. */
export function diskMemory(file: string): DeviceStorage {
  return {
    async getItem() {
      try {
        return await readFile(file, "utf8");
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw error;
      }
    },
    async setItem(_key, value) {
      const next = `${file}.next`;
      await writeFile(next, value);
      await rename(next, file);
    },
  };
}
