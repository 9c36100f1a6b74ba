/** A gateway that dies at any point of an upload. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { removeExpiredFiles } from "../engine/remove-expired-files.ts";
import { fileStores } from "../ports/file-store.ts";
import { FILE_CHUNK_BYTES, FILE_REMOVAL_MS, FILE_UNUSED_KEPT_MS, FILE_UPLOAD_KEPT_MS } from "../ports/limits.ts";
import type { Store } from "../ports/store.ts";
import { photo } from "../../test/support/sample-files.ts";
import { knowsNoFile } from "../../test/support/file-ports.ts";
import { virtualTime } from "../../test/support/world-time.ts";
import { recordingLog } from "../../test/support/recording-log.ts";
import { createMemoryStore } from "../../test/store/memory-store.ts";
import { type IncomingFile, storeFile } from "./store-file.ts";

const BYTES = photo(2 * FILE_CHUNK_BYTES + 5);
const page = { limit: 10, cursor: undefined, subject: undefined } as const;

async function* pieces(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < BYTES.length; at += 100_000) yield BYTES.subarray(at, at + 100_000);
}

const upload = (): IncomingFile => ({
  owner: "key:a",
  subject: null,
  idempotencyKey: "photo",
  filename: "photo.jpg",
  declared: null,
  content: pieces(),
});

/** Calls `before` and `after` around each call of a port. */
function watched<Port extends object>(port: Port, before: () => void, after: () => void): Port {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return async (...args: unknown[]): Promise<unknown> => {
        before();
        const answer: unknown = await Reflect.apply(member, target, args);
        after();
        return answer;
      };
    },
  });
}

/** A store as a process sees it that dies at its nth crossing: whatever it asks from then on has no answer. */
function dyingAt(store: Store, nth: number): { readonly store: Store; readonly crossings: () => number } {
  let crossed = 0;
  const cross = (): void => {
    crossed += 1;
    if (crossed >= nth) throw new Error("the process is dead");
  };
  return {
    store: {
      ...store,
      forTenant: (tenantId) => watched(store.forTenant(tenantId), cross, cross),
      files: watched(store.files, cross, cross),
    },
    crossings: () => crossed,
  };
}

async function openWorld() {
  const time = virtualTime();
  const store = createMemoryStore({ clock: time.clock });
  const { tenantId } = await store.fleet.ensureApiKey({ tenantName: "t", name: "k", keyHash: "h", scopes: ["admin"] });
  const put = (through: Store) =>
    storeFile(
      { store: through, files: fileStores(through.files), mediaTypes: knowsNoFile, clock: time.clock },
      tenantId,
      upload(),
    );
  const sweep = () => removeExpiredFiles({ store: store.fleet, files: fileStores(store.files), log: recordingLog() });
  const tenant = store.forTenant(tenantId);
  return { time, store, tenantId, tenant, put, sweep };
}

/** Before and after each of: the row, three chunks, the end of the upload. */
const POINTS = 10;

describe("an upload whose gateway dies", () => {
  test("crosses as many points as the test below plays", async () => {
    const { store, put } = await openWorld();
    const watchedStore = dyingAt(store, Number.POSITIVE_INFINITY);
    await put(watchedStore.store);
    expect(watchedStore.crossings()).toBe(POINTS);
  });

  test.each(Array.from({ length: POINTS }, (_, index) => index + 1))(
    "at point %i is sent again, is one file with all of its bytes, and leaves nothing else behind",
    async (point) => {
      const { time, store, tenantId, tenant, put, sweep } = await openWorld();
      const dying = dyingAt(store, point);
      const storedBytes = async () => (await tenant.readUsage()).used.storedBytes;
      const before = await storedBytes();
      await expect(put(dying.store)).rejects.toThrow("the process is dead");
      const isComplete = (await tenant.listFiles(page)).data.length === 1;
      const second = await put(store);
      if (second.kind === "refused") throw new Error(second.detail);
      expect(second.created).toBe(!isComplete);
      const { data } = await tenant.listFiles(page);
      expect(data).toMatchObject([{ id: second.file.id, size: BYTES.length, sha256: sha256(BYTES) }]);
      const chunks: Uint8Array[] = [];
      for (let nth = 0; nth < 3; nth += 1) {
        chunks.push((await store.files.getChunk({ tenantId, fileId: second.file.id, nth })) ?? new Uint8Array());
      }
      expect(sha256(Buffer.concat(chunks))).toBe(sha256(BYTES));
      await time.pass(FILE_UPLOAD_KEPT_MS + 1);
      await sweep();
      expect((await storedBytes()) - before).toBe(BYTES.length);
      expect(store.keptFiles()).toEqual({ files: 1, chunks: 3 });
      await time.pass(FILE_UNUSED_KEPT_MS + FILE_REMOVAL_MS);
      await sweep();
      expect(store.keptFiles()).toEqual({ files: 0, chunks: 0 });
      expect(await storedBytes()).toBe(before);
    },
  );
});

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
