import type { TenantId } from "../core/tenant-id.ts";

/** A file whose bytes are kept. */
export interface FileRef {
  readonly tenantId: TenantId;
  readonly fileId: string;
}

/**
 * Keeps the bytes of files, in chunks of `FILE_CHUNK_BYTES` at most. Rows of the store say which files there are.
 *
 * 1. A chunk is kept as a whole or not at all. It never changes: to put it again is harmless.
 * 2. A chunk that was put is read until its file is removed, on every gateway.
 * 3. A chunk of another tenant looks exactly like a missing one.
 * 4. Each method may be repeated, and throws `StoreUnavailable` when the bytes cannot be reached now.
 */
export interface FileStore {
  /** What rows call this place. It never changes, since rows outlive settings. */
  readonly name: string;
  /** Keeps a chunk. The first one is 0. */
  putChunk(chunk: FileRef & { readonly nth: number; readonly bytes: Uint8Array }): Promise<void>;
  /** Returns a chunk; null when it is not there. */
  getChunk(chunk: FileRef & { readonly nth: number }): Promise<Uint8Array | null>;
  /** Removes all chunks of a file. A file that is not there is removed already. */
  remove(file: FileRef): Promise<void>;
}

/** The places of files: those of new ones, and those that rows of earlier settings name. */
export interface FileStores {
  /** Where new files go. */
  readonly current: FileStore;
  /** The place of this name; null where this gateway has no access to it. */
  named(name: string): FileStore | null;
}

/** The places of a gateway. The first one takes new files. */
export function fileStores(current: FileStore, ...others: readonly FileStore[]): FileStores {
  const all = new Map([current, ...others].map((store) => [store.name, store]));
  return { current, named: (name) => all.get(name) ?? null };
}
