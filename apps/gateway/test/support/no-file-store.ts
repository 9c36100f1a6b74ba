import type { FileStore } from "../../src/ports/file-store.ts";

/** Keeps no byte of any file. */
export const noFileStore: FileStore = {
  name: "nowhere",
  putChunk: () => Promise.reject(new Error("there is no place for files here")),
  getChunk: async () => null,
  remove: async () => {},
};
