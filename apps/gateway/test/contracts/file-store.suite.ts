import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FileRef, FileStore } from "../../src/ports/file-store.ts";
import { FILE_CHUNK_BYTES } from "../../src/ports/limits.ts";

/** A store of bytes, with files whose rows are there. */
export interface OpenedFiles {
  readonly files: FileStore;
  /** A file of a tenant of its own, whose upload has begun. */
  readonly begin: () => Promise<FileRef>;
  readonly close: () => Promise<void>;
}

/** The guarantees of `ports/file-store.ts`, for every store of bytes. */
export function fileStoreSuite(name: string, open: () => Promise<OpenedFiles>): void {
  describe(`bytes of files: ${name}`, () => {
    let opened: OpenedFiles | undefined;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.close());
    const whole = (): OpenedFiles => {
      if (opened === undefined) throw new Error("the store is opened before the first test");
      return opened;
    };
    const bytesOf = (size: number, from = 0): Uint8Array =>
      Uint8Array.from({ length: size }, (_, index) => (from + index * 31) % 256);

    test("every byte of a chunk comes back as it was put", async () => {
      const { files, begin } = whole();
      const file = await begin();
      const chunks = [bytesOf(FILE_CHUNK_BYTES), bytesOf(256, 7), Uint8Array.of(0)];
      for (const [nth, bytes] of chunks.entries()) await files.putChunk({ ...file, nth, bytes });
      for (const [nth, bytes] of chunks.entries()) {
        const read = await files.getChunk({ ...file, nth });
        expect(Buffer.compare(Buffer.from(read ?? []), Buffer.from(bytes))).toBe(0);
      }
      expect(await files.getChunk({ ...file, nth: chunks.length })).toBeNull();
    });

    test("a chunk that is put again is there once", async () => {
      const { files, begin } = whole();
      const file = await begin();
      const chunk = { ...file, nth: 0, bytes: bytesOf(100) };
      await Promise.all([files.putChunk(chunk), files.putChunk(chunk)]);
      await files.putChunk(chunk);
      expect(await files.getChunk({ ...file, nth: 0 })).toHaveLength(100);
    });

    test("a view into a larger buffer is kept as its own bytes alone", async () => {
      const { files, begin } = whole();
      const file = await begin();
      await files.putChunk({ ...file, nth: 0, bytes: bytesOf(100).subarray(10, 20) });
      expect([...((await files.getChunk({ ...file, nth: 0 })) ?? [])]).toEqual([...bytesOf(100).subarray(10, 20)]);
    });

    test("a removed file has no chunk, other files keep theirs, and to remove it again is harmless", async () => {
      const { files, begin } = whole();
      const [gone, kept] = [await begin(), await begin()];
      for (const file of [gone, kept]) {
        for (const nth of [0, 1, 11]) await files.putChunk({ ...file, nth, bytes: bytesOf(10) });
      }
      await files.remove(gone);
      for (const nth of [0, 1, 11]) {
        expect(await files.getChunk({ ...gone, nth })).toBeNull();
        expect(await files.getChunk({ ...kept, nth })).not.toBeNull();
      }
      await files.remove(gone);
    });

    test("a file of another tenant looks like a missing one, and is not removed (R10)", async () => {
      const { files, begin } = whole();
      const [mine, theirs] = [await begin(), await begin()];
      await files.putChunk({ ...theirs, nth: 0, bytes: bytesOf(10) });
      const foreign = { tenantId: mine.tenantId, fileId: theirs.fileId };
      expect(await files.getChunk({ ...foreign, nth: 0 })).toBeNull();
      await files.remove(foreign);
      expect(await files.getChunk({ ...theirs, nth: 0 })).not.toBeNull();
    });
  });
}
