/**
 * Takes a file in, chunk by chunk.
 *
 * 1. Its row is there before its first byte, so a sweep finds whatever a gateway leaves behind that dies on the way.
 * 2. It is a file from one statement on, which comes after its last byte.
 * 3. What is refused is given up, so that nothing of it stays.
 * 4. No more than two chunks of it are in memory.
 */
import { createHash } from "node:crypto";
import { FILE_BYTES_MAX } from "@hsafa/protocol";
import { type Refusal, refuse } from "../access/refusal.ts";
import { judgeMediaType } from "../core/judge-media-type.ts";
import type { TenantId } from "../core/tenant-id.ts";
import { FILE_CHUNK_BYTES } from "../ports/limits.ts";
import type { FileRow } from "../ports/tenant-files.ts";
import { cutChunks } from "./cut-chunks.ts";
import { idempotencyKeyReused } from "./input-refusals.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

export type FileDeps = Pick<UseCaseDeps, "store" | "files" | "mediaTypes" | "clock">;

/** A file that comes in. */
export interface IncomingFile {
  readonly owner: string;
  readonly subject: string | null;
  readonly idempotencyKey: string | null;
  readonly filename: string | null;
  /** As its sender has it; null: it says nothing. */
  readonly declared: string | null;
  readonly content: AsyncIterable<Uint8Array>;
}

export type FileStored = { readonly kind: "stored"; readonly file: FileRow; readonly created: boolean } | Refusal;

/** Stores a file. Rejects with what `content` throws, and with `StoreUnavailable`; then nothing of it stays. */
export async function storeFile(deps: FileDeps, tenantId: TenantId, incoming: IncomingFile): Promise<FileStored> {
  const { content, declared, ...row } = incoming;
  const tenant = deps.store.forTenant(tenantId);
  const { current } = deps.files;
  const fileId = deps.clock.newId();
  await tenant.beginFile({ ...row, fileId, mediaType: declared ?? "", keptIn: current.name }); // 1.
  let isStored = false;
  try {
    const hash = createHash("sha256");
    let mediaType: string | null = null;
    let size = 0;
    let nth = 0;
    for await (const bytes of cutChunks(content, FILE_CHUNK_BYTES)) {
      size += bytes.length;
      if (size > FILE_BYTES_MAX) return TOO_LARGE;
      if (mediaType === null) {
        const judged = await judge(deps, declared, bytes);
        if (judged.kind === "refused") return judged;
        ({ mediaType } = judged);
      }
      hash.update(bytes);
      await current.putChunk({ tenantId, fileId, nth, bytes });
      nth += 1;
    }
    if (mediaType === null) return EMPTY;
    const sha256 = hash.digest("hex");
    const outcome = await tenant.completeFile({ fileId, mediaType, size, sha256 }); // 2.
    if (outcome.kind === "gone") return TOO_SLOW;
    const { file, created } = outcome;
    isStored = created;
    const isSame = file.sha256 === sha256 && file.mediaType === mediaType && file.filename === row.filename;
    return isSame ? { kind: "stored", file, created } : idempotencyKeyReused();
  } finally {
    if (!isStored) await tenant.abandonFile({ fileId }); // 3.
  }
}

async function judge(
  { mediaTypes }: Pick<FileDeps, "mediaTypes">,
  declared: string | null,
  head: Uint8Array,
): Promise<{ readonly kind: "judged"; readonly mediaType: string } | Refusal> {
  const judged = judgeMediaType({ declared, recognised: await mediaTypes.recognise(head), head });
  switch (judged.kind) {
    case "judged":
      return judged;
    case "mismatch":
      return refuse(
        "unsupported_media_type",
        `The file is said to be '${judged.declared}', and its bytes are '${judged.found}'. Send it as what it is, or as 'application/octet-stream'.`,
      );
    case "malformed":
      return refuse(
        "unsupported_media_type",
        "A file needs a media type such as 'image/jpeg'. Send 'application/octet-stream' to let its bytes tell.",
      );
    default:
      return judged satisfies never;
  }
}

/** Refuses a file that has more bytes than a file may have. */
export const TOO_LARGE = refuse(
  "payload_too_large",
  `A file has at most ${FILE_BYTES_MAX} bytes (${FILE_BYTES_MAX / 1024 ** 2} MiB); send a smaller one.`,
);
/** Refuses a file without a byte. */
export const EMPTY = refuse("invalid_request", "The file is empty; send its bytes as the body of the request.");
const TOO_SLOW = refuse("invalid_request", "The upload took too long; send the file again.");
