import { openAsBlob } from "node:fs";
import { basename } from "node:path";
import { FILE_BYTES_MAX, type StoredFile } from "@hsafa/protocol";
import type { Files } from "@hsafa/client/files";
import { CliError } from "./cli-error.ts";
import { own } from "./shown.ts";

/** Uploads a file of this machine under its own name. Throws `CliError` if it cannot be read. */
export async function uploadPath(
  files: Files,
  path: string,
  more: { readonly mediaType?: string; readonly subject?: string } = {},
): Promise<StoredFile> {
  let content: Blob;
  try {
    content = await openAsBlob(path);
  } catch (error) {
    throw new CliError(own`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (content.size > FILE_BYTES_MAX)
    throw new CliError(own`${path} has ${content.size} bytes; a file has at most ${FILE_BYTES_MAX}.`);
  return files.upload(content, { filename: basename(path), ...more });
}
