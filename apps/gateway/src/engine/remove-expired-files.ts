import type { FileStores } from "../ports/file-store.ts";
import type { FleetFiles } from "../ports/fleet-files.ts";
import type { Log } from "../ports/log.ts";
import { StoreUnavailable } from "../ports/store.ts";

/**
 * Removes the bytes of files whose time is over, and then their rows. A file whose bytes cannot be reached stays, and
 * some later sweep takes it again. Rejects with `StoreUnavailable` when the rows cannot be reached.
 */
export async function removeExpiredFiles(deps: {
  readonly store: FleetFiles;
  readonly files: FileStores;
  readonly log: Log;
}): Promise<void> {
  const { store, files, log } = deps;
  const expired = await store.takeExpiredFiles();
  const removed: string[] = [];
  for (const { tenantId, fileId, keptIn } of expired) {
    try {
      const place = files.named(keptIn);
      if (place === null) throw new StoreUnavailable(`this gateway has no access to '${keptIn}'`);
      await place.remove({ tenantId, fileId });
      removed.push(fileId);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      log.warn({ err: error, tenantId, fileId, keptIn }, "a file cannot be removed now");
    }
  }
  if (removed.length > 0) await store.forgetFiles({ fileIds: removed });
}
