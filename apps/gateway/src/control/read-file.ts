import { reachedFiles } from "../access/reached-files.ts";
import type { Principal } from "../access/principal.ts";
import { notFound, type Refusal, refuse } from "../access/refusal.ts";
import type { TenantId } from "../core/tenant-id.ts";
import type { FileStore } from "../ports/file-store.ts";
import { FILE_CHUNK_BYTES } from "../ports/limits.ts";
import { StoreUnavailable } from "../ports/store.ts";
import type { FileRow } from "../ports/tenant-files.ts";
import { takeBytesTurn } from "../runtime/take-bytes-turn.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

export type FileOpened =
  | { readonly kind: "opened"; readonly file: FileRow; readonly content: () => AsyncIterable<Uint8Array> }
  | Refusal;

/** Opens a file that the principal reaches. Its content is read chunk by chunk, as fast as it is taken. */
export async function readFile(
  deps: Pick<UseCaseDeps, "store" | "files" | "turns">,
  principal: Principal,
  fileId: string,
): Promise<FileOpened> {
  const [file] = await reachedFiles(deps, principal, [fileId]);
  if (file === undefined) return notFound("file");
  const place = deps.files.named(file.keptIn);
  if (place === null) {
    const detail = `The file is kept in '${file.keptIn}', which this gateway has no access to; tell its operator.`;
    return refuse("unavailable", detail);
  }
  return { kind: "opened", file, content: () => contentOf({ place, turns: deps.turns }, principal.tenantId, file) };
}

async function* contentOf(
  { place, turns }: { readonly place: FileStore } & Pick<UseCaseDeps, "turns">,
  tenantId: TenantId,
  { id, size }: FileRow,
): AsyncGenerator<Uint8Array> {
  for (let nth = 0; nth * FILE_CHUNK_BYTES < size; nth += 1) {
    const chunk = await place.getChunk({ tenantId, fileId: id, nth });
    // It was deleted meanwhile. Its reader gets fewer bytes than were promised, and so notices.
    if (chunk === null) throw new StoreUnavailable(`the file ${id} went while it was read`);
    await takeBytesTurn(turns, tenantId, chunk.length);
    yield chunk;
  }
}
