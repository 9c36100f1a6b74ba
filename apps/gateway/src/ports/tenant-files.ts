import type { Page, StoredFile } from "@hsafa/protocol";
import type { Act } from "./act.ts";
import type { PageParams } from "./page-params.ts";
import type { RunBounds } from "./run-bounds.ts";
import type { SubjectFilter } from "./subject-filter.ts";

/** A file with what tells who reaches it, and where its bytes are. */
export interface FileRow extends StoredFile {
  readonly owner: string;
  /** The name of a `FileStore`. */
  readonly keptIn: string;
}

/** The properties of a branch that decide who sees it. */
export interface BranchBounds {
  readonly id: string;
  readonly subject: string | null;
}

export type CompleteFileOutcome =
  /** `created: false`: the idempotency key found the file that an earlier upload made. */
  | { readonly kind: "stored"; readonly file: FileRow; readonly created: boolean }
  /** The upload took longer than `FILE_UPLOAD_KEPT_MS`. */
  | { readonly kind: "gone" };

/** The files of one tenant. A file that is being uploaded or removed is found by nobody. */
export interface TenantFiles {
  /** Notes that bytes of a file will come. Without `completeFile` a sweep removes them. */
  beginFile(params: {
    readonly fileId: string;
    readonly owner: string;
    readonly subject: string | null;
    readonly idempotencyKey: string | null;
    readonly filename: string | null;
    readonly mediaType: string;
    readonly keptIn: string;
  }): Promise<void>;
  /**
   * Makes an upload a file, whose bytes are all kept. Of any number of uploads of one owner with one idempotency key
   * one becomes a file. The others find it, and its time begins anew.
   */
  completeFile(params: {
    readonly fileId: string;
    readonly mediaType: string;
    readonly size: number;
    readonly sha256: string;
  }): Promise<CompleteFileOutcome>;
  /** Gives an upload up. A sweep removes its bytes soon. */
  abandonFile(params: { readonly fileId: string }): Promise<void>;
  /** Returns those of these files that are there. */
  findFiles(params: { readonly fileIds: readonly string[] }): Promise<readonly FileRow[]>;
  /** Returns who sees the runs that use a file: the newest `FILE_RUNS_SHOWN_MAX`. */
  listRunsOfFile(params: { readonly fileId: string }): Promise<readonly RunBounds[]>;
  /**
   * Returns the branches that show a run which uses the file, since it stands before the point from which they go on:
   * the newest `FILE_BRANCHES_SHOWN_MAX`.
   */
  listBranchesOfFile(params: { readonly fileId: string }): Promise<readonly BranchBounds[]>;
  listFiles(params: PageParams & { readonly subject: SubjectFilter }): Promise<Page<StoredFile>>;
  /**
   * Notes that a run uses these files, and keeps them for `FILE_UNUSED_KEPT_MS` at least. The run may come after it.
   * As long as the run is there, no sweep removes them. Returns those that are there.
   */
  useFiles(params: { readonly runId: string; readonly fileIds: readonly string[] }): Promise<readonly string[]>;
  /** Deletes a file, also one that runs use. A sweep removes its bytes soon. Returns false when there is none. */
  deleteFile(params: Act & { readonly fileId: string }): Promise<boolean>;
}
