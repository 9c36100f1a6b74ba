import type { LeftOut, Message } from "@hsafa/protocol";
import { type FileInStep, leftOutFile, shownFiles, withLoadedFiles } from "../../core/shown-files.ts";
import type { TenantId } from "../../core/tenant-id.ts";
import type { FileStores } from "../../ports/file-store.ts";
import { FILE_CHUNK_BYTES } from "../../ports/limits.ts";
import { StoreUnavailable } from "../../ports/store.ts";
import type { FileRow, TenantFiles } from "../../ports/tenant-files.ts";
import type { FileRoom, LeaveFileRoom } from "../file-room.ts";

/** The messages as the model reads them. `leave`: to be called when the step is over. */
export interface LoadedMessages {
  readonly messages: readonly Message[];
  readonly leftOut: readonly LeftOut[];
  /** Of all files that are shown. */
  readonly bytes: number;
  readonly leave: LeaveFileRoom;
}

/** What files are loaded with. */
export interface FileLoading {
  readonly tenantFiles: (tenantId: TenantId) => Pick<TenantFiles, "findFiles">;
  readonly files: FileStores;
  readonly room: FileRoom;
}

/**
 * Puts the bytes of stored files into the messages of a step, just before the model is asked. Returns null when
 * `signal` aborts. Rejects with `StoreUnavailable` when the bytes cannot be reached.
 */
export async function loadFiles(
  loading: FileLoading,
  params: {
    readonly tenantId: TenantId;
    readonly messages: readonly Message[];
    readonly signal: AbortSignal;
    /** Awaited when so many bytes were read, before they are kept. */
    readonly onRead: (bytes: number) => Promise<void>;
  },
): Promise<LoadedMessages | null> {
  const { tenantId, messages, signal, onRead } = params;
  const { shown, tooLong } = shownFiles(messages);
  const leftOut = tooLong.map((part) => leftOutFile(part, "too_long"));
  if (shown.length === 0) return { messages: withLoadedFiles(messages, new Map()), leftOut, bytes: 0, leave: () => {} };
  const bytes = shown.reduce((sum, { size = 0 }) => sum + size, 0);
  const leave = await loading.room.take(tenantId, bytes, signal);
  if (leave === null) return null;
  try {
    const rows = await loading.tenantFiles(tenantId).findFiles({ fileIds: shown.map(({ fileId }) => fileId) });
    const loaded = new Map<string, FileInStep>();
    for (const part of shown) {
      const row = rows.find(({ id }) => id === part.fileId);
      const file = row === undefined ? null : await load(loading.files, { tenantId, row, signal, onRead });
      if (signal.aborted) {
        leave();
        return null;
      }
      if (file === null) leftOut.push(leftOutFile(part, "missing"));
      else loaded.set(part.fileId, file);
    }
    return { messages: withLoadedFiles(messages, loaded), leftOut, bytes, leave };
  } catch (error) {
    leave();
    throw error;
  }
}

/** Null: the file was deleted, or `signal` has aborted. */
async function load(
  files: FileStores,
  params: {
    readonly tenantId: TenantId;
    readonly row: FileRow;
    readonly signal: AbortSignal;
    readonly onRead: (bytes: number) => Promise<void>;
  },
): Promise<FileInStep | null> {
  const { tenantId, row, signal, onRead } = params;
  const { id: fileId, mediaType, size } = row;
  const place = files.named(row.keptIn);
  if (place === null) throw new StoreUnavailable(`files are kept in '${row.keptIn}', which this gateway cannot reach`);
  const chunks: Uint8Array[] = [];
  for (let nth = 0; nth * FILE_CHUNK_BYTES < size; nth += 1) {
    const chunk = await place.getChunk({ tenantId, fileId, nth });
    if (chunk === null) return null;
    await onRead(chunk.length);
    if (signal.aborted) return null;
    chunks.push(chunk);
  }
  return { type: "file", data: Buffer.concat(chunks).toString("base64"), mediaType };
}
