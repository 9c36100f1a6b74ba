import type { PageQuery } from "./page.ts";

/** A file of a tenant, without its bytes. */
export interface StoredFile {
  readonly id: string;
  /** The name that its sender gave it; `null` without one. */
  readonly filename: string | null;
  /** What its bytes are, as an IANA media type. */
  readonly mediaType: string;
  /** In bytes. */
  readonly size: number;
  /** The SHA-256 of its bytes, in hexadecimal digits. */
  readonly sha256: string;
  /** The user of the tenant whose file it is; `null`: the tenant's own. */
  readonly subject: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** When it goes, unless a run uses it by then. ISO 8601, UTC. */
  readonly expiresAt: string;
}

/** The query of `POST /api/files`. The body is the file itself, and `Content-Type` says what it is. */
export interface UploadFileQuery {
  readonly filename?: string;
  /** The user whose file it is. Only a key without a subject gives another one than its own. */
  readonly subject?: string;
}

/** The query of `GET /api/files`. */
export interface ListFilesQuery extends PageQuery {
  /** Only files of this user. */
  readonly subject?: string;
}
