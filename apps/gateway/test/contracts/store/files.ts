import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { FILE_BYTES_COUNTED_MIN } from "../../../src/ports/limits.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { TenantFiles } from "../../../src/ports/tenant-files.ts";
import { A_FILE } from "../../support/a-file.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { claim, endOf, openScene, type Scene, start } from "./scene.ts";

type Upload = Parameters<TenantFiles["beginFile"]>[0];
const CONTENT = { mediaType: "text/plain", size: 10_000, sha256: "ab" };

/** Begins an upload, and completes it. */
async function upload({ tenant }: Scene, params: Partial<Upload> = {}, content = CONTENT) {
  const fileId = params.fileId ?? v7();
  await tenant.beginFile({ ...A_FILE, ...params, fileId });
  return tenant.completeFile({ ...content, fileId });
}

/** Stores a file, and returns its id. */
export async function storeFile(scene: Scene, params: Partial<Upload> = {}): Promise<string> {
  const outcome = await upload(scene, params);
  if (outcome.kind !== "stored") throw new Error("the upload was in time");
  return outcome.file.id;
}

export function filesOfStore(store: () => Store): void {
  const page = { limit: 10, cursor: undefined } as const;
  /** Takes all that has expired, and returns which of these files were among it. */
  async function sweptOf(fileIds: readonly string[]): Promise<readonly string[]> {
    const taken: string[] = [];
    for (;;) {
      const files = await store().fleet.takeExpiredFiles();
      if (files.length === 0) return fileIds.filter((id) => taken.includes(id));
      taken.push(...files.map(({ fileId }) => fileId));
    }
  }

  describe("files", () => {
    test("a file is there from the moment when it is complete, and not before", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const fileId = v7();
      await tenant.beginFile({ ...A_FILE, fileId, subject: "ada" });
      expect(await tenant.findFiles({ fileIds: [fileId] })).toEqual([]);
      expect((await tenant.listFiles({ ...page, subject: undefined })).data).toEqual([]);
      expect(await tenant.useFiles({ runId: v7(), fileIds: [fileId] })).toEqual([]);
      const outcome = await tenant.completeFile({ ...CONTENT, fileId });
      const file = { id: fileId, subject: "ada", filename: "notes.txt", ...CONTENT };
      expect(outcome).toMatchObject({ kind: "stored", created: true, file: { ...file, owner: "key:any" } });
      expect(await tenant.findFiles({ fileIds: [v7(), fileId] })).toMatchObject([{ ...file, keptIn: "here" }]);
      expect((await tenant.listFiles({ ...page, subject: "ada" })).data).toMatchObject([file]);
      expect((await tenant.listFiles({ ...page, subject: null })).data).toEqual([]);
      expect(await tenant.completeFile({ ...CONTENT, fileId })).toMatchObject({ created: true, file });
    });

    test("an upload that is sent again under its idempotency key is the same file", async () => {
      const scene = await openScene(store());
      const keyed = { idempotencyKey: "photo-1" };
      const first = await storeFile(scene, keyed);
      expect(await upload(scene, keyed)).toMatchObject({ kind: "stored", created: false, file: { id: first } });
      const others = [{ ...keyed, owner: "key:other" }, { idempotencyKey: "photo-2" }, {}];
      for (const other of others) expect(await upload(scene, other)).toMatchObject({ created: true });
    });

    test("of many uploads at once under one idempotency key one becomes a file", async () => {
      const scene = await openScene(store());
      const keyed = { idempotencyKey: "photo-1" };
      const outcomes = await Promise.all([1, 2, 3, 4].map(() => upload(scene, keyed)));
      const ids = outcomes.map((outcome) => (outcome.kind === "stored" ? outcome.file.id : null));
      expect(new Set(ids).size).toBe(1);
      expect(outcomes.filter((outcome) => outcome.kind === "stored" && outcome.created)).toHaveLength(1);
      expect((await scene.tenant.listFiles({ ...page, subject: undefined })).data).toHaveLength(1);
    });

    test("an upload that was given up becomes no file, and is swept", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const fileId = v7();
      await tenant.beginFile({ ...A_FILE, fileId });
      await tenant.abandonFile({ fileId });
      expect(await tenant.completeFile({ ...CONTENT, fileId })).toEqual({ kind: "gone" });
      await expect.poll(() => sweptOf([fileId])).toEqual([fileId]);
      await store().fleet.forgetFiles({ fileIds: [fileId] });
    });

    test("a complete file cannot be given up, and no sweep takes it while it is new", async () => {
      const scene = await openScene(store());
      const fileId = await storeFile(scene);
      await scene.tenant.abandonFile({ fileId });
      expect(await sweptOf([fileId])).toEqual([]);
      await store().fleet.forgetFiles({ fileIds: [fileId] });
      expect(await scene.tenant.findFiles({ fileIds: [fileId] })).toHaveLength(1);
    });

    test("a run uses files that are there, before it is there itself, and who sees it is told", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const [one, two] = [await storeFile(scene), await storeFile(scene)];
      const runId = v7();
      const used = await tenant.useFiles({ runId, fileIds: [one, v7(), two] });
      expect(used.toSorted()).toEqual([one, two].toSorted());
      expect(await tenant.listRunsOfFile({ fileId: one })).toEqual([]);
      await start(scene, { runId, subject: "ada" });
      const bounds = {
        id: runId,
        threadId: null,
        deviceKey: null,
        subject: "ada",
        rootRunId: null,
        rootThreadId: null,
      };
      expect(await tenant.listRunsOfFile({ fileId: one })).toEqual([bounds]);
      expect(await tenant.useFiles({ runId, fileIds: [one] })).toEqual([one]);
      expect(await tenant.listRunsOfFile({ fileId: one })).toEqual([bounds]);
    });

    test("the branches that show a run of a file are told, and none that goes on from before it", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const fileId = await storeFile(scene);
      const ended = async (runId: string): Promise<string> => {
        const claimed = await claim(scene, (await start(scene, { runId, threadId: "trunk" })).runId);
        await store().fleet.commit(endOf(claimed));
        return runId;
      };
      const branch = async (runId: string): Promise<string> => {
        const more = { key: null, subject: "ada", title: null, metadata: {} };
        const outcome = await tenant.branchThread({ threadId: v7(), runId, ...more });
        if (outcome.kind !== "thread") throw new Error(`no branch: ${outcome.kind}`);
        return outcome.thread.id;
      };
      const second = v7();
      await tenant.useFiles({ runId: second, fileIds: [fileId] });
      await branch(await ended(v7()));
      const shown = await branch(await ended(second));
      expect(await tenant.listBranchesOfFile({ fileId })).toEqual([{ id: shown, subject: "ada" }]);
      expect(await tenant.listBranchesOfFile({ fileId: await storeFile(scene) })).toEqual([]);
      await tenant.deleteThread({ by: AN_ACTOR, threadId: shown });
      expect(await tenant.listBranchesOfFile({ fileId })).toEqual([]);
    });

    test("a deleted file is found by nobody, also where a run uses it, and is swept once it is forgotten", async () => {
      const scene = await openScene(store());
      const { tenant } = scene;
      const fileId = await storeFile(scene, { idempotencyKey: "once" });
      const runId = v7();
      await tenant.useFiles({ runId, fileIds: [fileId] });
      await start(scene, { runId });
      expect(await tenant.deleteFile({ by: AN_ACTOR, fileId })).toBe(true);
      expect(await tenant.deleteFile({ by: AN_ACTOR, fileId })).toBe(false);
      expect(await tenant.findFiles({ fileIds: [fileId] })).toEqual([]);
      const [entry] = (await tenant.listAudit(page)).data;
      expect(entry).toMatchObject({ action: "file.delete", targets: { fileId } });
      await expect.poll(() => sweptOf([fileId])).toEqual([fileId]);
      await store().fleet.forgetFiles({ fileIds: [fileId] });
      expect(await upload(scene, { idempotencyKey: "once" })).toMatchObject({ created: true });
    });

    test("a file counts in the stored bytes as long as it is there, a small one with its least", async () => {
      const scene = await openScene(store());
      const bytes = async () => (await scene.tenant.readUsage()).used.storedBytes;
      const before = await bytes();
      const fileId = await storeFile(scene);
      await upload(scene, {}, { ...CONTENT, size: 1 });
      expect((await bytes()) - before).toBe(CONTENT.size + FILE_BYTES_COUNTED_MIN);
      const act = { by: AN_ACTOR, fileId };
      await scene.tenant.deleteFile(act);
      const auditBytes = 1024;
      expect((await bytes()) - before).toBe(FILE_BYTES_COUNTED_MIN + auditBytes);
    });

    test("a page of files ends at its limit, and the next one goes on", async () => {
      const scene = await openScene(store());
      const ids = [await storeFile(scene), await storeFile(scene), await storeFile(scene)].toReversed();
      const listed: string[] = [];
      let cursor: string | undefined;
      do {
        const { data, nextCursor } = await scene.tenant.listFiles({ limit: 2, cursor, subject: undefined });
        listed.push(...data.map(({ id }) => id));
        cursor = nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(listed).toEqual(ids);
    });
  });
}
