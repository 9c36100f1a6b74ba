import { createHash } from "node:crypto";
import { type Message, QUOTA_NAMES, type Quotas } from "@hsafa/protocol";
import type { FileStore } from "../../src/ports/file-store.ts";
import { FILE_CHUNK_BYTES } from "../../src/ports/limits.ts";
import type { TenantStore } from "../../src/ports/tenant-store.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";
import type { MemoryStore } from "../store/memory-store.ts";
import type { Recorder } from "./recorder.ts";

/** A file that somebody was told is stored. */
export interface SharedFile {
  readonly nth: number;
  /** Whether somebody has begun to delete it. */
  isDeleted: boolean;
  /** The runs that use it. */
  readonly runIds: Set<string>;
}

/** What the tenant with little room may store, in bytes: three of its files. */
export const HOARD_BYTES_MAX = 18_000;

/** The plans of messages with files have numbers from here on. Plans of children begin above 100. */
export const FILE_PLAN = 50;
/** The files of the tenant that has little room have numbers from here on, and are all of one size, in bytes. */
export const HOARD = 900;
const HOARDED_BYTES = 5000;

/** What all other tenants may have. */
export const MUCH_ROOM = Object.fromEntries(
  QUOTA_NAMES.map((name) => [name, Number.MAX_SAFE_INTEGER]),
) as unknown as Quotas;

/** In bytes. One in four has two chunks: those take the simulation its time. */
const SIZES = [30, 5000, FILE_CHUNK_BYTES + 1, 400_001];

/** A file that was just stored. */
export function sharedFile(nth: number): SharedFile {
  return { nth, isDeleted: false, runIds: new Set() };
}

/** The bytes of this file, which no other has. They are no text. */
export function bytesOf(nth: number): Uint8Array {
  const size = nth >= HOARD ? HOARDED_BYTES : (SIZES[nth % SIZES.length] ?? 30);
  const bytes = new Uint8Array(size).fill(nth % 7);
  new DataView(bytes.buffer).setUint32(0, nth);
  bytes[size - 1] = nth % 251;
  return bytes;
}

function hashOf(nth: number): string {
  return createHash("sha256").update(bytesOf(nth)).digest("hex");
}

/** What is wrong with the files that a model is shown; null: nothing. A deleted file may be left out. */
export function shownFault(messages: readonly Message[], plan: number, recorder: Recorder): string | null {
  const shared = [...recorder.files.values()].find(({ nth }) => FILE_PLAN + nth === plan);
  if (shared === undefined || shared.isDeleted) return null;
  const shown = messages.flatMap(({ role, content }) =>
    role === "user" && typeof content !== "string" ? content.filter(({ type }) => type === "file") : [],
  );
  const wanted = bytesOf(shared.nth);
  return shown.some((part) => "data" in part && Buffer.compare(Buffer.from(part.data, "base64"), wanted) === 0)
    ? null
    : `the file ${shared.nth} is not whole`;
}

/** Checks what must hold of files whenever all is at rest. */
export async function checkFiles(params: {
  readonly recorder: Recorder;
  readonly tenantId: TenantId;
  readonly tenant: TenantStore;
  readonly hoard: TenantStore;
  readonly files: FileStore;
  readonly database: MemoryStore;
  /** What was counted for the tenant with little room before it stored anything, in bytes. */
  readonly hoardedBefore: number;
  /** Whether the times of all uploads are over, and those of files that nobody uses. */
  readonly isLongAfter: boolean;
}): Promise<void> {
  const { recorder, tenantId, tenant, hoard, hoardedBefore, files, database, isLongAfter } = params;
  const page = { limit: 200, cursor: undefined, subject: undefined } as const;
  const stored = (await tenant.listFiles(page)).data;
  const hoarded = (await hoard.listFiles(page)).data;
  for (const [fileId, { nth, isDeleted, runIds }] of recorder.files) {
    const file = stored.find(({ id }) => id === fileId);
    if (file === undefined) {
      if (!isDeleted && (!isLongAfter || runIds.size > 0)) recorder.fail("files", `the file ${nth} is gone`);
      continue;
    }
    if (isLongAfter && runIds.size === 0) recorder.fail("files", `the file ${nth} stays, and nobody uses it`);
    const chunks: Uint8Array[] = [];
    for (let part = 0; part * FILE_CHUNK_BYTES < file.size; part += 1)
      chunks.push((await files.getChunk({ tenantId, fileId, nth: part })) ?? new Uint8Array());
    if (Buffer.compare(Buffer.concat(chunks), bytesOf(nth)) !== 0)
      recorder.fail("files", `the file ${nth} is not whole`);
  }
  // An attempt that was given up may end after the file of another one was deleted: then it is a file of its own.
  const deleted = new Set(
    [...recorder.files.values()].flatMap(({ nth, isDeleted }) => (isDeleted ? [hashOf(nth)] : [])),
  );
  for (const { id, sha256 } of stored) {
    if (!recorder.files.has(id) && !deleted.has(sha256))
      recorder.fail("files", `there is a file ${id} of which nobody was told`);
  }
  const { used } = await hoard.readUsage();
  checkHoard(recorder, used.storedBytes - hoardedBefore, hoarded);
  if (!isLongAfter) return;
  const chunks = [...stored, ...hoarded].reduce((sum, { size }) => sum + Math.ceil(size / FILE_CHUNK_BYTES), 0);
  const kept = database.keptFiles();
  const wanted = stored.length + hoarded.length;
  if (kept.files !== wanted || kept.chunks !== chunks)
    recorder.fail("files", `${kept.files} files with ${kept.chunks} chunks are kept, of ${wanted} with ${chunks}`);
}

/** What is stored counts once, and goes beyond the room by what two gateways store at one time at most. */
function checkHoard(
  recorder: Recorder,
  counted: number,
  hoarded: readonly { readonly id: string; readonly size: number }[],
): void {
  const bytes = hoarded.reduce((sum, { size }) => sum + size, 0);
  if (counted !== bytes) recorder.fail("files", `${counted} bytes are counted for ${bytes}`);
  if (bytes > HOARD_BYTES_MAX + HOARDED_BYTES)
    recorder.fail("files", `${bytes} bytes are stored of ${HOARD_BYTES_MAX}`);
}
