import type { StoredFile } from "@hsafa/protocol";
import { isoTime } from "../../src/core/iso-time.ts";
import type { TenantId } from "../../src/core/tenant-id.ts";
import type { FileStore } from "../../src/ports/file-store.ts";
import type { FleetFiles } from "../../src/ports/fleet-files.ts";
import {
  FILE_BRANCHES_SHOWN_MAX,
  FILE_BYTES_COUNTED_MIN,
  FILE_LOOK_MS,
  FILE_REMOVAL_MS,
  FILE_RUNS_SHOWN_MAX,
  FILE_UNUSED_KEPT_MS,
  FILE_UPLOAD_KEPT_MS,
  FILES_REMOVED_PER_SWEEP_MAX,
} from "../../src/ports/limits.ts";
import { cursorId, pageCursor } from "../../src/ports/page-cursor.ts";
import type { FileRow, TenantFiles } from "../../src/ports/tenant-files.ts";
import { audit } from "./store-audit.ts";
import type { KeptFile, Rows } from "./store-rows.ts";

/** The files of one tenant, in memory. */
export function createMemoryTenantFiles(rows: Rows, tenantId: TenantId): TenantFiles {
  const own = (): KeptFile[] => [...rows.files.values()].filter((row) => row.tenantId === tenantId);
  const stored = (): KeptFile[] => own().filter(({ state }) => state === "stored");
  const prolong = (file: KeptFile): void => {
    file.expiresAt = Math.max(file.expiresAt, rows.now() + FILE_UNUSED_KEPT_MS);
  };

  return {
    async beginFile({ fileId, ...params }) {
      if (rows.files.has(fileId)) return;
      const now = rows.now();
      rows.files.set(fileId, {
        ...params,
        id: fileId,
        tenantId,
        size: 0,
        sha256: "",
        state: "uploading",
        createdAt: now,
        expiresAt: now + FILE_UPLOAD_KEPT_MS,
        runIds: new Set(),
      });
    },

    async completeFile({ fileId, mediaType, size, sha256 }) {
      const upload = own().find((row) => row.id === fileId && row.state !== "removing");
      if (upload === undefined) return { kind: "gone" };
      const { owner, idempotencyKey } = upload;
      const known = stored().find(
        (row) =>
          row.id === fileId ||
          (idempotencyKey !== null && row.owner === owner && row.idempotencyKey === idempotencyKey),
      );
      if (known === undefined) {
        Object.assign(upload, { state: "stored", mediaType, size, sha256 });
        rows.countersOf(tenantId).storedBytes += countedBytes(upload);
        upload.expiresAt = rows.now() + FILE_UNUSED_KEPT_MS;
      } else prolong(known);
      const file = known ?? upload;
      return { kind: "stored", file: fileRowOf(file), created: file.id === fileId };
    },

    async abandonFile({ fileId }) {
      const upload = own().find((row) => row.id === fileId && row.state === "uploading");
      if (upload !== undefined) Object.assign(upload, { state: "removing", expiresAt: rows.now() - 1 });
    },

    findFiles: async ({ fileIds }) =>
      stored()
        .filter(({ id }) => fileIds.includes(id))
        .map(fileRowOf),

    async listRunsOfFile({ fileId }) {
      const file = own().find(({ id }) => id === fileId);
      const runs = [...(file?.runIds ?? [])].flatMap((runId) => rows.runOf(tenantId, runId) ?? []);
      return runs
        .toSorted((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, FILE_RUNS_SHOWN_MAX)
        .map(({ id, threadId, deviceKey, subject, rootRunId, rootThreadId }) => {
          return { id, threadId, deviceKey, subject, rootRunId, rootThreadId };
        });
    },

    async listBranchesOfFile({ fileId }) {
      const file = own().find(({ id }) => id === fileId);
      const runs = [...(file?.runIds ?? [])].flatMap((runId) => rows.runOf(tenantId, runId) ?? []);
      return [...rows.threads.values()]
        .filter((thread) => thread.tenantId === tenantId && thread.deletedAt === null)
        .filter(({ ancestors }) =>
          runs.some((run) => ancestors.some((from) => from.threadId === run.threadId && run.threadTurn <= from.turns)),
        )
        .toSorted((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, FILE_BRANCHES_SHOWN_MAX)
        .map(({ id, subject }) => ({ id, subject }));
    },

    async listFiles({ subject, limit, cursor }) {
      const after = cursor === undefined ? undefined : cursorId(cursor);
      if (after === null) return { data: [], nextCursor: null };
      const listed = stored()
        .filter((row) => (subject === undefined || row.subject === subject) && (after === undefined || row.id < after))
        .toSorted((a, b) => (a.id < b.id ? 1 : -1));
      const data = listed.slice(0, limit);
      const last = data.at(-1);
      return {
        data: data.map(storedFileOf),
        nextCursor: listed.length > limit && last !== undefined ? pageCursor(last.id) : null,
      };
    },

    async useFiles({ runId, fileIds }) {
      const named = stored().filter(({ id }) => fileIds.includes(id));
      for (const file of named) {
        prolong(file);
        file.runIds.add(runId);
      }
      return named.map(({ id }) => id);
    },

    async deleteFile({ fileId, by }) {
      const file = stored().find(({ id }) => id === fileId);
      if (file === undefined) return false;
      rows.countersOf(tenantId).storedBytes -= countedBytes(file);
      Object.assign(file, { state: "removing", expiresAt: rows.now() - 1 });
      audit(rows, tenantId, { action: "file.delete", outcome: "deleted", by, targets: { fileId } });
      return true;
    },
  };
}

/** What a gateway does about the files of all tenants, in memory. */
export function createMemoryFleetFiles(rows: Rows): FleetFiles {
  return {
    async takeExpiredFiles() {
      const now = rows.now();
      const due = [...rows.files.values()]
        .filter(({ expiresAt }) => expiresAt < now)
        .toSorted((a, b) => a.expiresAt - b.expiresAt)
        .slice(0, FILES_REMOVED_PER_SWEEP_MAX);
      return due.flatMap((file) => {
        const isUsed = file.state === "stored" && [...file.runIds].some((runId) => rows.runs.has(runId));
        file.expiresAt = now + (isUsed ? FILE_LOOK_MS : FILE_REMOVAL_MS);
        if (isUsed) return [];
        if (file.state === "stored") rows.countersOf(file.tenantId).storedBytes -= countedBytes(file);
        file.state = "removing";
        return [{ tenantId: file.tenantId, fileId: file.id, keptIn: file.keptIn }];
      });
    },
    async forgetFiles({ fileIds }) {
      for (const id of fileIds.filter((fileId) => rows.files.get(fileId)?.state === "removing")) {
        rows.files.delete(id);
        // A chunk that came late goes with its row, as by a foreign key.
        for (const key of rows.fileChunks.keys()) if (key.startsWith(`${id} `)) rows.fileChunks.delete(key);
      }
    },
  };
}

/** The bytes of files, in memory. */
export function createMemoryFileStore(rows: Rows): FileStore {
  const chunksOf = (tenantId: TenantId, fileId: string) => {
    const file = rows.files.get(fileId);
    return file?.tenantId === tenantId ? rows.fileChunks : undefined;
  };
  return {
    name: "memory",
    async putChunk({ tenantId, fileId, nth, bytes }) {
      const chunks = chunksOf(tenantId, fileId);
      const key = `${fileId} ${nth}`;
      if (chunks?.has(key) === false) chunks.set(key, bytes.slice());
    },
    getChunk: async ({ tenantId, fileId, nth }) => chunksOf(tenantId, fileId)?.get(`${fileId} ${nth}`) ?? null,
    async remove({ tenantId, fileId }) {
      const chunks = chunksOf(tenantId, fileId);
      for (const key of chunks?.keys() ?? []) if (key.startsWith(`${fileId} `)) chunks?.delete(key);
    },
  };
}

function countedBytes({ size }: KeptFile): number {
  return Math.max(size, FILE_BYTES_COUNTED_MIN);
}

function storedFileOf({ id, filename, mediaType, size, sha256, subject, createdAt, expiresAt }: KeptFile): StoredFile {
  return {
    id,
    filename,
    mediaType,
    size,
    sha256,
    subject,
    createdAt: isoTime(createdAt),
    expiresAt: isoTime(expiresAt),
  };
}

function fileRowOf(file: KeptFile): FileRow {
  return { ...storedFileOf(file), owner: file.owner, keptIn: file.keptIn };
}
