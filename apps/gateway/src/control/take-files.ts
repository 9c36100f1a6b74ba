/**
 * Takes the files of messages in before a run does.
 *
 * 1. Whatever form a file comes in, its run's record has its id, and never its bytes.
 * 2. Bytes within a message have their hash for an idempotency key: however often they are sent, they are one file.
 * 3. A file is noted as used before its run is there. So a run never begins with a file that a sweep is taking.
 * 4. A file that the principal does not reach looks exactly like a missing one.
 */
import { createHash } from "node:crypto";
import {
  FILE_BYTES_MAX,
  type FilePart,
  FILES_PER_INPUT_MAX,
  type ImagePart,
  type InputMessage,
  type LinkedFilePart,
  STEP_FILE_BYTES_MAX,
  type StoredFilePart,
} from "@hsafa/protocol";
import { reachedFiles } from "../access/reached-files.ts";
import { idempotencyOwner } from "../access/idempotency-owner.ts";
import type { Principal } from "../access/principal.ts";
import { quotaExceeded } from "../access/quota-exceeded.ts";
import { type Refusal, refuse } from "../access/refusal.ts";
import { isTextType } from "../core/is-text-type.ts";
import { STEP_TEXT_FILE_BYTES_MAX } from "../core/limits.ts";
import { readInlineFile } from "../core/read-inline-file.ts";
import { LinkBroken } from "../ports/linked-files.ts";
import type { FileRow } from "../ports/tenant-files.ts";
import { type FileDeps, type IncomingFile, storeFile, TOO_LARGE } from "./store-file.ts";
import type { UseCaseDeps } from "./use-case-deps.ts";

/** What the files of messages are taken with. */
export type FileTakingDeps = FileDeps & Pick<UseCaseDeps, "quotas" | "filePlaces" | "linkedFiles">;
type AnyFilePart = FilePart | ImagePart;

/** A part to be replaced, and where it stands in the request. */
interface Place {
  readonly part: AnyFilePart;
  readonly path: string;
}

/** Returns the messages with stored files in place of all others. `path`: where they stand in the request. */
export async function takeFiles<M extends InputMessage>(
  deps: FileTakingDeps,
  principal: Principal,
  params: {
    readonly runId: string;
    readonly subject: string | null;
    readonly messages: readonly { readonly message: M; readonly path: string }[];
    /** Asked if there are files: whether all of this was taken before. Then nothing is done with them. */
    readonly isKnown: () => Promise<boolean>;
  },
): Promise<{ readonly kind: "taken"; readonly messages: readonly M[] } | Refusal> {
  const places = params.messages.flatMap(({ message, path }) => placesOf(message, path));
  if (places.length === 0 || (await params.isKnown())) {
    return { kind: "taken", messages: params.messages.map(({ message }) => message) };
  }
  if (places.length > FILES_PER_INPUT_MAX) {
    return refuse(
      "invalid_request",
      `An input has at most ${FILES_PER_INPUT_MAX} files; this one has ${places.length}.`,
    );
  }
  const taken = new Map<AnyFilePart, StoredFilePart>();
  let bytes = 0;
  let textBytes = 0;
  for (const place of places) {
    const found = await takeFile(deps, principal, place, params.subject);
    if (found.kind === "refused") return found;
    const { file } = found;
    bytes += file.size;
    if (bytes > STEP_FILE_BYTES_MAX)
      return faultAt(place, `is one too many: a model is shown at most ${STEP_FILE_BYTES_MAX} bytes of files`);
    if (isTextType(file.mediaType)) textBytes += file.size;
    if (textBytes > STEP_TEXT_FILE_BYTES_MAX)
      return faultAt(
        place,
        `is one too many: a model is shown at most ${STEP_TEXT_FILE_BYTES_MAX} bytes of text files`,
      );
    taken.set(place.part, storedPart(place.part, file));
  }
  const fileIds = [...new Set([...taken.values()].map(({ fileId }) => fileId))];
  const used = await deps.store.forTenant(principal.tenantId).useFiles({ runId: params.runId, fileIds }); // 3.
  const gone = places.find(({ part }) => !used.includes(taken.get(part)?.fileId ?? ""));
  if (gone !== undefined) return faultAt(gone, MISSING);
  return { kind: "taken", messages: params.messages.map(({ message }) => withFiles(message, taken)) };
}

const MISSING = "is no file here; upload it by 'POST /api/files', and use its 'id'";

function placesOf({ content }: InputMessage, path: string): Place[] {
  if (typeof content === "string") return [];
  return content.flatMap((part, index) =>
    (part.type === "file" || part.type === "image") && isToBeTaken(part)
      ? [{ part, path: `${path}.content.${index}` }]
      : [],
  );
}

/** What is at an address that `data` or `image` names goes to the provider as it is. */
function isToBeTaken(part: AnyFilePart): boolean {
  if (part.type === "file" && !("data" in part)) return true;
  return readInlineFile(part.type === "image" ? part.image : part.data).kind !== "address";
}

function withFiles<M extends InputMessage>(message: M, taken: ReadonlyMap<unknown, StoredFilePart>): M {
  if (typeof message.content === "string") return message;
  // A stored file may stand wherever another file or a picture may.
  return { ...message, content: message.content.map((part) => taken.get(part) ?? part) };
}

function storedPart({ providerOptions, ...part }: AnyFilePart, file: FileRow): StoredFilePart {
  const filename = (part.type === "file" ? part.filename : undefined) ?? file.filename;
  return {
    type: "file",
    fileId: file.id,
    mediaType: file.mediaType,
    ...(filename === null ? {} : { filename }),
    size: file.size,
    ...(providerOptions === undefined ? {} : { providerOptions }),
  };
}

async function takeFile(
  deps: FileTakingDeps,
  principal: Principal,
  place: Place,
  subject: string | null,
): Promise<{ readonly kind: "stored"; readonly file: FileRow } | Refusal> {
  const { part } = place;
  if (part.type === "file" && "fileId" in part) {
    const [file] = await reachedFiles(deps, principal, [part.fileId]);
    return file === undefined ? faultAt(place, MISSING, "fileId") : { kind: "stored", file }; // 4.
  }
  const owner = idempotencyOwner(principal);
  if (part.type === "file" && "url" in part) return takeLinked(deps, principal, { ...place, part }, { owner, subject });
  const inline = readInlineFile(part.type === "image" ? part.image : part.data);
  if (inline.kind !== "bytes") return faultAt(place, "is no Base64", part.type === "image" ? "image" : "data");
  const declared = inline.mediaType ?? part.mediaType ?? null;
  const filename = (part.type === "file" ? part.filename : undefined) ?? null;
  const { bytes } = inline;
  const hash = createHash("sha256")
    .update(JSON.stringify([declared, filename]))
    .update(bytes)
    .digest("hex");
  const content = piecesOf(bytes);
  // A picture may be said to be `image/*`.
  const told = declared?.endsWith("/*") === true || declared === "image" ? null : declared;
  const incoming = { owner, subject, idempotencyKey: `inline:${hash}`, filename, declared: told, content }; // 2.
  return within(deps, principal, place, bytes.length, incoming);
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function takeLinked(
  deps: FileTakingDeps,
  principal: Principal,
  place: Place & { readonly part: LinkedFilePart },
  { owner, subject }: { readonly owner: string; readonly subject: string | null },
): Promise<{ readonly kind: "stored"; readonly file: FileRow } | Refusal> {
  const { part } = place;
  const held = deps.filePlaces.take(principal);
  if (held.kind === "refused") return held;
  const ending = new AbortController();
  try {
    const linked = await deps.linkedFiles.open(part.url, ending.signal);
    if (linked.kind === "failed") return faultAt(place, `cannot be read: ${linked.reason}`, "url");
    const { size, content } = linked;
    if (size !== null && size > FILE_BYTES_MAX) return at(place, TOO_LARGE);
    const filename = part.filename ?? null;
    const declared = part.mediaType ?? linked.mediaType;
    const incoming = { owner, subject, idempotencyKey: null, filename, declared, content };
    return await within(deps, principal, place, size ?? FILE_BYTES_MAX, incoming);
  } catch (error) {
    if (error instanceof LinkBroken) return faultAt(place, `cannot be read: ${error.message}`, "url");
    throw error;
  } finally {
    ending.abort();
    held.leave();
  }
}

async function within(
  deps: FileTakingDeps,
  { tenantId }: Principal,
  place: Place,
  bytes: number,
  incoming: IncomingFile,
): Promise<{ readonly kind: "stored"; readonly file: FileRow } | Refusal> {
  const outcome = await deps.quotas.within(tenantId, {
    needs: ["storedBytes"],
    bytes,
    make: () => storeFile(deps, tenantId, incoming),
  });
  if (outcome.kind === "no_room") return quotaExceeded(outcome.lack, deps.clock.now());
  return outcome.made.kind === "refused" ? at(place, outcome.made) : outcome.made;
}

/** The refusal of one file, with where it stands. */
function at({ path }: Place, refusal: Refusal): Refusal {
  return { ...refusal, faults: [{ path, message: refusal.detail }] };
}

function faultAt({ path }: Place, message: string, field?: string): Refusal {
  const fault = { path: field === undefined ? path : `${path}.${field}`, message };
  return refuse("invalid_request", "A file of the message cannot be taken; see 'errors'.", [fault]);
}
