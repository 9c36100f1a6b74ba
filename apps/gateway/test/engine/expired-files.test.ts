import { v7 } from "uuid";
import { afterEach, beforeEach, expect, test } from "vitest";
import { removeExpiredFiles } from "../../src/engine/remove-expired-files.ts";
import { fileStores } from "../../src/ports/file-store.ts";
import { FILE_LOOK_MS, FILE_REMOVAL_MS, FILE_UNUSED_KEPT_MS, GATEWAY_TIMEOUT_MS } from "../../src/ports/limits.ts";
import { StoreUnavailable } from "../../src/ports/store.ts";
import { A_FILE } from "../support/a-file.ts";
import { AN_ACTOR } from "../support/an-actor.ts";
import { EngineWorld } from "../support/engine-world.ts";
import { recordingLog } from "../support/recording-log.ts";

const HOUR_MS = 3_600_000;

let world: EngineWorld;
beforeEach(async () => {
  world = await EngineWorld.openInMemory();
});
afterEach(() => world.close());

/** Stores a file of one chunk, and returns its id. */
async function stored(): Promise<string> {
  const fileId = v7();
  await world.tenant.beginFile({ ...A_FILE, fileId, keptIn: world.store.files.name });
  await world.store.files.putChunk({ tenantId: world.tenantId, fileId, nth: 0, bytes: Buffer.from("words") });
  await world.tenant.completeFile({ fileId, mediaType: "text/plain", size: 5, sha256: "0" });
  return fileId;
}

const isThere = async (fileId: string): Promise<boolean> => {
  const chunk = await world.store.files.getChunk({ tenantId: world.tenantId, fileId, nth: 0 });
  return chunk !== null && (await world.tenant.findFiles({ fileIds: [fileId] })).length === 1;
};

/** What the engine of any gateway does now and then. A gateway that lives for days would take long to play. */
async function sweep(): Promise<void> {
  const { fleet, files } = world.store;
  await fleet.sweep({ gatewayTimeoutMs: GATEWAY_TIMEOUT_MS });
  await removeExpiredFiles({ store: fleet, files: fileStores(files), log: recordingLog() });
}

test("a file that no run uses goes after its time, and one that a run uses stays until the run has gone", async () => {
  const gateway = world.gateway();
  const [unused, used] = [await stored(), await stored()];
  const runId = await world.start({}, "inbox");
  await world.tenant.useFiles({ runId, fileIds: [used] });
  (await world.model.next()).say("hello").finish();
  await world.reaches(runId, "completed");
  await world.settles("the gateway stops", gateway.engine.stop({ drainMs: 0 }));
  await world.time.pass(FILE_UNUSED_KEPT_MS - HOUR_MS);
  await sweep();
  expect([await isThere(unused), await isThere(used)]).toEqual([true, true]);
  await world.time.pass(2 * HOUR_MS);
  await sweep();
  expect([await isThere(unused), await isThere(used)]).toEqual([false, true]);
  const thread = await world.tenant.findThread({ idOrKey: "inbox", subject: null });
  await world.tenant.deleteThread({ by: AN_ACTOR, threadId: thread?.id ?? "" });
  await world.time.pass(FILE_LOOK_MS + HOUR_MS);
  await sweep();
  expect(await isThere(used)).toBe(false);
});

test("bytes that cannot be removed now are removed later, and nobody finds the file meanwhile", async () => {
  const fileId = await stored();
  const { remove } = world.store.files;
  let isAway = true;
  Object.assign(world.store.files, {
    remove: (file: Parameters<typeof remove>[0]) =>
      isAway ? Promise.reject(new StoreUnavailable("the bucket is away")) : remove(file),
  });
  await world.tenant.deleteFile({ by: AN_ACTOR, fileId });
  await world.time.pass(1);
  await sweep();
  expect(await world.tenant.findFiles({ fileIds: [fileId] })).toEqual([]);
  expect(await world.store.files.getChunk({ tenantId: world.tenantId, fileId, nth: 0 })).not.toBeNull();
  isAway = false;
  await world.time.pass(FILE_REMOVAL_MS + 1);
  await sweep();
  expect(await world.store.files.getChunk({ tenantId: world.tenantId, fileId, nth: 0 })).toBeNull();
});
