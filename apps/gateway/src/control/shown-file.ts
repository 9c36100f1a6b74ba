import type { StoredFile } from "@hsafa/protocol";
import type { FileRow } from "../ports/tenant-files.ts";

/** A file as clients see it. */
export function shownFile({ owner: _owner, keptIn: _keptIn, ...file }: FileRow): StoredFile {
  return file;
}
