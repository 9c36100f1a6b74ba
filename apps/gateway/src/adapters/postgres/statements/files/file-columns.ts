import type { FileRow } from "../../../../ports/tenant-files.ts";
import { millis } from "../../times.ts";

/** The columns of a file as `fileOfColumns` reads them. */
export const FILE_COLUMNS = `id::text, owner, subject, filename, media_type, size, sha256, kept_in,
  ${millis("created_at")} as created_at, ${millis("expires_at")} as expires_at`;

export interface FileColumns {
  readonly id: string;
  readonly owner: string;
  readonly subject: string | null;
  readonly filename: string | null;
  readonly media_type: string;
  readonly size: number;
  readonly sha256: string;
  readonly kept_in: string;
  readonly created_at: number;
  readonly expires_at: number;
}

export function fileOfColumns(row: FileColumns): FileRow {
  const { id, owner, subject, filename, media_type, size, sha256, kept_in, created_at, expires_at } = row;
  return {
    id,
    owner,
    subject,
    filename,
    mediaType: media_type,
    size,
    sha256,
    keptIn: kept_in,
    createdAt: new Date(created_at).toISOString(),
    expiresAt: new Date(expires_at).toISOString(),
  };
}
