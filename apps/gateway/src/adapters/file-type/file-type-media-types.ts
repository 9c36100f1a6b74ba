import type { MediaTypes } from "../../ports/media-types.ts";
import { HEAD_BYTES_MAX } from "./limits.ts";

/** Recognises files with the package `file-type`, which is loaded with the first of them. */
export const fileTypeMediaTypes: MediaTypes = {
  async recognise(head) {
    const { fileTypeFromBuffer } = await import("file-type");
    try {
      return (await fileTypeFromBuffer(head.subarray(0, HEAD_BYTES_MAX)))?.mime ?? null;
    } catch {
      // Bytes that the package stumbles over are those of no file that it knows.
      return null;
    }
  },
};
