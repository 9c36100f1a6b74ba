import { knowsNoFile, noLinkedFiles } from "../test/support/file-ports.ts";
import { fileStores } from "./ports/file-store.ts";
import { AN_ACTOR } from "../test/support/an-actor.ts";
import { ANY_STARTER } from "../test/support/any-starter.ts";
import { expect, test } from "vitest";
import { createMemoryStore } from "../test/store/memory-store.ts";
import { noSecretBox } from "../test/support/no-secrets.ts";
import { settled } from "../test/support/fakes.ts";
import { ManualClock } from "../test/support/manual-clock.ts";
import { recordingLog } from "../test/support/recording-log.ts";
import { tokenSecrets } from "./access/browser-token.ts";
import { apiKeyHash } from "./access/api-key.ts";
import { createMemoryBell } from "./adapters/memory/memory-bell.ts";
import { createMemoryLiveLog } from "./adapters/memory/memory-live-log.ts";
import { type AssembledGateway, assemble } from "./assemble.ts";
import type { Store } from "./ports/store.ts";
import { acceptingSchemas } from "../test/support/accepting-schemas.ts";

/** A gateway over a store in memory, with one tenant's key and one run that waits to be claimed. */
async function waitingWorld(): Promise<{
  readonly gateway: AssembledGateway;
  readonly store: Store;
  readonly runStatus: () => Promise<string | undefined>;
  readonly pass: (ms: number) => Promise<void>;
}> {
  let ids = 0;
  const clock = Object.assign(new ManualClock(), {
    newId: () => `0199c8f0-0000-7000-8000-${String((ids += 1)).padStart(12, "0")}`,
  });
  const log = recordingLog();
  const store = createMemoryStore({ clock });
  const owner = { tenantName: "default", name: "key", keyHash: apiKeyHash("key"), scopes: ["admin"] } as const;
  const { tenantId } = await store.fleet.ensureApiKey(owner);
  const tenant = store.forTenant(tenantId);
  const config = { name: "agent", model: "demo/echo" };
  const pushed = {
    by: AN_ACTOR,
    name: "agent",
    description: null,
    version: null,
    config,
    configHash: "hash",
    promote: true,
  };
  await tenant.pushAgent(pushed);
  const runId = clock.newId();
  await tenant.startRun({
    runId,
    agent: "agent",
    versionId: undefined,
    by: AN_ACTOR,
    policy: "queue",
    threadId: undefined,
    earlier: [],
    messages: [{ role: "user", content: "hi" }],
    deviceKey: null,
    metadata: {},
    limits: undefined,
    admit: () => [],
    subject: null,
    startedBy: ANY_STARTER,
    idempotency: null,
  });
  const gateway = assemble(
    {
      store,
      liveLog: createMemoryLiveLog({ clock, log }),
      bell: createMemoryBell({ log }),
      clock,
      model: { check: () => null, step: () => Promise.resolve({ kind: "aborted" }) },
      serverTools: { perform: () => Promise.resolve({ kind: "completed", result: null }) },
      schemas: acceptingSchemas,
      secretBox: noSecretBox,
      files: fileStores(store.files),
      mediaTypes: knowsNoFile,
      linkedFiles: noLinkedFiles,
      log,
    },
    { leaseDurationMs: 6000, isOnlyGateway: true, tokenSecrets: tokenSecrets(new Uint8Array(32)) },
  );
  return {
    gateway,
    store,
    runStatus: async () => (await tenant.findRun({ runId }))?.status,
    async pass(ms) {
      for (let left = ms; left > 0; left -= 100) {
        clock.advance(100);
        await settled();
      }
    },
  };
}

test("the store knows a gateway before a client can reach it", async () => {
  const { gateway, store } = await waitingWorld();
  let knownAtListen = 0;
  await gateway.start({
    listen: async () => {
      knownAtListen = await store.fleet.countLiveGateways({ withinMs: 1000 });
    },
  });
  expect(knownAtListen).toBe(1);
  await gateway.stop({ drainMs: 0 });
});

test("a gateway that cannot listen claims no run", async () => {
  const { gateway, runStatus, pass } = await waitingWorld();
  const inUse = new Error("the port is in use");
  await expect(gateway.start({ listen: () => Promise.reject(inUse) })).rejects.toBe(inUse);
  await pass(3000);
  expect(await runStatus()).toBe("queued");
});

test("a gateway that serves claims what waits, and tells its devices to go elsewhere when it stops", async () => {
  const { gateway, runStatus, pass } = await waitingWorld();
  const ends: string[] = [];
  await gateway.start({ listen: async () => {} });
  const handler = gateway.devices.connect({
    send: () => {},
    takePlace: () => null,
    from: "10.0.0.1",
    fault: () => {},
    admit: () => {},
    refuse: () => {},
    end(why) {
      ends.push(why);
      handler.ended(why);
    },
  });
  await pass(3000);
  expect(await runStatus()).not.toBe("queued");
  const stopped = gateway.stop({ drainMs: 0 });
  await pass(3000);
  await stopped;
  expect(ends).toEqual(["gateway_stopped"]);
});
