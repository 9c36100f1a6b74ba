import type { LinkedFiles } from "../../src/ports/linked-files.ts";
import type { MediaTypes } from "../../src/ports/media-types.ts";

/** Tells no file by its bytes, so that each is what its sender says. */
export const knowsNoFile: MediaTypes = { recognise: async () => null };

/** A gateway that reaches no file elsewhere. */
export const noLinkedFiles: LinkedFiles = {
  open: async () => ({ kind: "failed", reason: "there is nothing elsewhere" }),
};
