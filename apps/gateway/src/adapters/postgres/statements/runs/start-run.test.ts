import { v7 } from "uuid";
import { expect, test } from "vitest";
import { startParams } from "../../../../../test/contracts/store/scene.ts";
import { asTenantId } from "../../../../core/tenant-id.ts";
import type { StartOffer } from "../../../../ports/hold-offer.ts";
import { RememberedAgents } from "../../remembered-agents.ts";
import type { TenantSql } from "../../sql.ts";
import { startRun } from "./start-run.ts";

const TENANT = asTenantId(v7());
const AGENT = { agent_id: v7(), config: JSON.stringify({ name: "worker", model: "demo/hello" }) };
const OFFER: StartOffer = {
  gatewayId: "gateway-a",
  claimNumber: 1,
  leaseDurationMs: 1000,
  begin: () => null,
  sent() {},
};

/** A store in which an agent has this version, and that writes nothing which goes by another one. */
function storeWith(current: { versionId: string }) {
  const said: string[] = [];
  /** `earlier`: the run that its idempotency key has. */
  const world: { readonly said: string[]; earlier: object | null } = { said, earlier: null };
  const sql: TenantSql = {
    query<Row>({ name, values }: Parameters<TenantSql["query"]>[0]) {
      said.push(name);
      if (name === "resolve-start") {
        const none = { thread_id: null, thread_turns: null, earlier_id: null, earlier_status: null };
        const earlier = world.earlier ?? {};
        const found = { now: 5000, ...AGENT, version_id: current.versionId, earlier_run_ids: [], ...none, ...earlier };
        return Promise.resolve([found as Row]);
      }
      const isWritten = world.earlier === null && values.includes(current.versionId);
      return Promise.resolve(isWritten ? [{ told: [], is_born: true, now: 6000 } as Row] : []);
    },
  };
  return Object.assign(world, { deps: { sql, agents: new RememberedAgents() } });
}

test("the second start of an agent is one statement", async () => {
  const { said, deps } = storeWith({ versionId: v7() });
  for (let n = 0; n < 2; n++)
    expect(await startRun(deps, TENANT, startParams({ offer: OFFER }))).toMatchObject({ kind: "started" });
  expect(said).toEqual(["resolve-start", "insert-run", "insert-run"]);
});

test("so is one with an idempotency key, and one whose key has its run looks that up", async () => {
  const world = storeWith({ versionId: v7() });
  const { said, deps } = world;
  await startRun(deps, TENANT, startParams({ offer: OFFER }));
  said.length = 0;
  const keyed = startParams({
    offer: OFFER,
    idempotency: { key: "k", owner: "o", orUnowned: false, bodyHash: "h" },
  });
  expect(await startRun(deps, TENANT, keyed)).toMatchObject({ kind: "started", created: true });
  expect(said).toEqual(["insert-run"]);
  const runId = v7();
  world.earlier = { earlier_id: runId, earlier_status: "completed", earlier_hash: "h" };
  expect(await startRun(deps, TENANT, keyed)).toMatchObject({ kind: "started", created: false, runId });
  expect(said).toEqual(["insert-run", "insert-run", "resolve-start"]);
});

test("what is remembered of an agent refuses nothing: a version that admits the start may be its own by now", async () => {
  const { said, deps } = storeWith({ versionId: v7() });
  await startRun(deps, TENANT, startParams({ offer: OFFER }));
  said.length = 0;
  const fault = { path: "limits", message: "no" };
  let asked = 0;
  const admit = () => (asked++ === 0 ? [fault] : []);
  expect(await startRun(deps, TENANT, startParams({ offer: OFFER, admit }))).toMatchObject({ kind: "started" });
  expect(said).toEqual(["resolve-start", "insert-run"]);
  expect(await startRun(deps, TENANT, startParams({ offer: OFFER, admit: () => [fault] }))).toEqual({
    kind: "not_admitted",
    faults: [fault],
  });
});

test("a start by a version that is not the agent's any more is made again, by what is looked up", async () => {
  const current = { versionId: v7() };
  const { said, deps } = storeWith(current);
  await startRun(deps, TENANT, startParams({ offer: OFFER }));
  current.versionId = v7();
  expect(await startRun(deps, TENANT, startParams({ offer: OFFER }))).toMatchObject({ kind: "started", created: true });
  expect(said).toEqual(["resolve-start", "insert-run", "insert-run", "resolve-start", "insert-run"]);
});

test.each([
  { what: "a thread", more: { threadId: "chat" } },
  { what: "no offer to hold the run", more: { offer: null } },
])("a start with $what looks up what it names", async ({ more }) => {
  const { said, deps } = storeWith({ versionId: v7() });
  await startRun(deps, TENANT, startParams({ offer: OFFER }));
  said.length = 0;
  // A thread by its key is made by statements that this store does not know.
  await startRun(deps, TENANT, startParams({ offer: OFFER, ...more })).catch(() => null);
  expect(said[0]).toBe("resolve-start");
});
