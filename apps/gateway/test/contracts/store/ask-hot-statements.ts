import { v7 } from "uuid";
import { runIdOf } from "../../../bench/fill-runs.ts";
import { pageCursor } from "../../../src/ports/page-cursor.ts";
import type { ClaimedRun, FleetStore } from "../../../src/ports/fleet-store.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";
import { EMPTY_PLACES } from "../../support/empty-places.ts";
import { type AskedIds, askEverything } from "./ask-everything.ts";
import { storeFile } from "./files.ts";
import { BRANCH, BUSY_DEVICE, LONG_THREAD, RARE_DEVICE } from "./fill-planned-tables.ts";
import { commitOf, connect, delta, LEASE_MS, type Scene, start, startParams } from "./scene.ts";

/**
 * Asks every method of a tenant's store but the one that pushes agents, and most of the fleet's. `held` is a run of
 * the scene with an open step. The tables hold so many rows of `fillPlannedTables`, or none.
 */
export async function askHotStatements({
  fleet,
  scene,
  held,
  rows,
}: {
  readonly fleet: FleetStore;
  readonly scene: Scene;
  readonly held: ClaimedRun;
  readonly rows: number;
}): Promise<void> {
  const { tenant } = scene;
  const { tenantId } = scene;
  const { runId, epoch } = held;
  const params = { gatewayId: "gateway-a", leaseDurationMs: LEASE_MS };
  const list = { limit: 50, cursor: undefined, status: undefined, agent: undefined, threadId: undefined };
  await start(scene);
  // The agent is remembered by then.
  await start(scene, {
    idempotency: { key: v7(), owner: "o", orUnowned: true, bodyHash: "h" },
    offer: { gatewayId: "gateway-a", claimNumber: 1, leaseDurationMs: LEASE_MS, begin: () => null, sent() {} },
  });
  await fleet.claimRuns({
    ...params,
    claimNumber: 1,
    limit: 10,
    places: EMPTY_PLACES,
    judgesUntil: Number.POSITIVE_INFINITY,
    lastChancesMax: 1,
  });
  await fleet.renewLeases({ ...params, runs: [held] });
  await fleet.commit(commitOf(held, ["message.user"], { afterSeq: held.lastSeq + 2 }));
  await fleet.appendDeltas({ rows: [{ tenantId, runId, epoch, record: delta(held.lastSeq + 3, 1) }] });
  await fleet.loadRun({ tenantId, runId, epoch });
  await fleet.loadOutline({ tenantId, runId, epoch });
  await fleet.readInbox({ runId, epoch });
  await fleet.readFacts({ tenantId, runId, afterSeq: 0 });
  await fleet.readTails({ runIds: [runId] });
  await fleet.readOpenCalls({ sessionIds: [v7()] });
  await fleet.readCandidates({ callIds: [v7()] });
  await tenant.readTail({ runId });
  await tenant.findRun({ runId });
  await tenant.findRunBounds({ runId });
  await tenant.findStarter({ runId });
  for (const orUnowned of [false, true]) await tenant.findStart({ key: "k", owner: "o", orUnowned });
  for (const idOrName of ["worker", v7()]) await tenant.findAgent({ idOrName });
  for (const after of [
    { seq: 0, sub: 0 },
    { seq: 4, sub: rows / 2 },
  ]) {
    await tenant.readEvents({ runId, after, limit: 500, factsOnly: false });
    await tenant.readEvents({ runId, after, limit: 500, factsOnly: true });
  }
  for (const before of [null, { seq: 4, sub: rows / 2 }]) {
    await tenant.readEventsBefore({ runId, before, limit: 1000, factsOnly: false });
    await tenant.readEventsBefore({ runId, before, limit: 1000, factsOnly: true });
  }
  await tenant.enqueueInput({
    by: AN_ACTOR,
    runId,
    input: { kind: "cancel", reason: null },
    dedupe: { key: "cancel", bodyHash: "" },
  });
  await tenant.submitToolResult({
    callId: runIdOf(7),
    outcome: { kind: "completed", result: 1 },
    bodyHash: "h",
    from: { kind: "http", runId: runIdOf(7) },
  });
  for (const asked of [
    {},
    { status: "failed" },
    { status: "merged" },
    { agent: "worker" },
    { agent: "nobody" },
    { agent: "worker", status: "failed" },
    { agent: "worker", status: "merged" },
    { agent: "worker", since: Date.now() + 1000 * 60 * 60 },
    { status: "completed", since: Date.now() + 1000 * 60 * 60 },
    { versionId: scene.versionId },
    { versionId: v7() },
    { device: BUSY_DEVICE },
    { device: RARE_DEVICE },
    { device: v7() },
    { device: "no such key" },
    { since: Date.now() + 1000 * 60 * 60 },
    { metadataText: "nothing has it" },
    { metadataText: "nothing has it", agent: "worker" },
    { metadataText: "nothing has it", device: BUSY_DEVICE },
  ] as const)
    for (const cursor of [undefined, pageCursor(runIdOf(rows / 2))])
      await tenant.listRuns({ ...list, subject: undefined, ...asked, cursor });
  for (const asked of [{}, { status: "failed" }, { toolName: "none" }, { deviceId: RARE_DEVICE }] as const)
    for (const cursor of [undefined, pageCursor(runIdOf(rows / 2))])
      await tenant.listCalls({
        limit: 50,
        status: undefined,
        toolName: undefined,
        deviceId: undefined,
        subject: undefined,
        ...asked,
        cursor,
      });
  const page = { limit: 50, cursor: undefined };
  for (const cursor of [undefined, pageCursor(runIdOf(rows / 2))]) {
    for (const subject of [undefined, "user-1", "user-2", "nobody", null]) {
      await tenant.listThreads({ ...page, cursor, subject });
      await tenant.listFiles({ ...page, cursor, subject });
      await tenant.listDevices({ ...page, cursor, subject });
    }
    for (const asked of [
      {},
      { action: "key.create" },
      { action: "tenant.create" },
      { action: "agent.push", since: Date.now() + 1000 * 60 * 60 },
      { subject: "user-2" },
      { subject: "nobody" },
      { keyId: "the key" },
      { keyId: "none" },
      { since: Date.now() + 1000 * 60 * 60 },
      { until: 1000 },
    ] as const)
      await tenant.listAudit({ ...page, cursor, ...asked });
    for (const threadId of [LONG_THREAD, BRANCH]) await tenant.listThreadRuns({ ...page, threadId, cursor });
  }
  await tenant.listInheritedRuns({ threadId: BRANCH, limit: 50 });
  const device = await connect(scene, { deviceKey: "k", pairing: { code: "BCDF-GHJK", expiresInMs: 60_000 } });
  const key = await tenant.createApiKey({
    by: AN_ACTOR,
    keyId: v7(),
    keyHash: v7(),
    name: "key",
    scopes: ["runs:read"],
    subject: null,
    groups: [],
    createdBy: "operator",
    expiresInMs: null,
  });
  const own: AskedIds = {
    agentId: scene.agentId,
    versionId: scene.versionId,
    runId: runIdOf(200),
    secret: "none",
    fileId: runIdOf(200),
    callId: runIdOf(201),
    threadId: LONG_THREAD,
    deviceId: device.deviceId,
    sessionId: device.sessionId,
    keyId: key?.id ?? v7(),
    pairingCode: "BCDF-GHJK",
    idempotencyKey: "none",
  };
  const nothing = Object.fromEntries(Object.keys(own).map((name) => [name, v7()])) as unknown as AskedIds;
  await tenant.revokeTokens({ by: AN_ACTOR, whose: { kind: "subject", subject: "user-2" } });
  await tenant.putSecret({ by: AN_ACTOR, secretId: v7(), name: "none", sealed: "sealed", setBy: "a key" });
  for (const threadId of ["a key", v7(), runIdOf(300)])
    await tenant.startRun(startParams({ agent: scene.agentId, threadId }));
  for (const made of [v7(), runIdOf(400)])
    await tenant.createThread({ threadId: made, key: "a key", subject: null, metadata: {} });
  for (const idempotencyKey of [null, "photo", "photo"]) await storeFile(scene, { idempotencyKey });
  await fleet.recordHeartbeat({ gatewayId: "gateway-a", stopping: false });
  await fleet.loadHistory({ tenantId, runIds: [runIdOf(2), runIdOf(4)], bytesMax: 1000 });
  await fleet.readAgents({ tenantId, names: ["worker", "agent 7"] });
  await fleet.readNewestRuns({ threadIds: [LONG_THREAD, BRANCH, v7()] });
  await fleet.readOpenCalls({ sessionIds: [device.sessionId, runIdOf(7)] });
  await fleet.readCandidates({ callIds: [runIdOf(7)] });
  await fleet.settleStalls({ stalled: [], forgiven: [] });
  await fleet.releaseClaims({ gatewayId: "gateway-a", leaseDurationMs: LEASE_MS, claimNumbers: [7] });
  await fleet.findApiKey({ keyHash: "hash 7" });
  await fleet.recordKeyUse({ keyIds: [runIdOf(7)] });
  await fleet.readRevocations({ after: 0 });
  await fleet.takeExpiredFiles();
  await fleet.forgetFiles({ fileIds: [runIdOf(7)] });
  await fleet.endDeadGateways({ silenceMs: 1000, until: Date.now() });
  await fleet.readFleet();
  await fleet.sweep({ gatewayTimeoutMs: 60_000 });
  await askEverything(tenant, nothing);
  await askEverything(tenant, own);
  await fleet.releaseLeases({ runs: [held] });
}
