import { afterAll, afterEach, beforeAll } from "vitest";
import { openPostgresStore } from "../../../src/adapters/postgres/open-postgres-store.ts";
import type { ClaimedRun } from "../../../src/ports/fleet-store.ts";
import type { Store } from "../../../src/ports/store.ts";
import type { EnqueueInputOutcome } from "../../../src/ports/tenant-store.ts";
import { type FreshDatabase, freshDatabase } from "../../services/services.ts";
import { type LockHolder, openLockHolder } from "./lock-holder.ts";
import { claim, claimAll, openScene, type Scene, start } from "./scene.ts";
import { AN_ACTOR } from "../../support/an-actor.ts";

export const LOCK_RUN = "select from runs where id = $1 for update";
export const LOCK_CALL = "select from tool_calls where id = $1 for update";

interface HeldRun {
  readonly scene: Scene;
  readonly runId: string;
  readonly held: ClaimedRun;
  /** Sends the run a message. */
  readonly send: () => Promise<EnqueueInputOutcome>;
}

/**
 * Statements against each other on a Postgres server. Each is stopped at a lock, with the snapshot that it took before,
 * and the two are let go one after the other. After a wait Postgres reads the locked row anew, and nothing else.
 * PGlite, with its one connection, can never show that.
 */
interface Races {
  readonly url: string;
  readonly store: Store;
  readonly locks: LockHolder;
  heldRun(threadId?: string): Promise<HeldRun>;
  /** Whether the run is due. It takes all runs that are. */
  isDue(runId: string): Promise<boolean>;
  /** The count of the run's inbox, and how many inputs wait for it. */
  inboxOf(runId: string): Promise<{ readonly inbox: number; readonly waiting: number } | undefined>;
}

/** Gives the tests of a file a database, a store on it and a holder of locks. */
export function openRaces(): Races {
  let opened: { readonly database: FreshDatabase; readonly store: Store; readonly locks: LockHolder } | undefined;
  beforeAll(async () => {
    const database = await freshDatabase();
    const store = await openPostgresStore({ url: database.url });
    opened = { database, store, locks: await openLockHolder(database.url) };
  });
  afterEach(() => opened?.locks.undo());
  afterAll(async () => {
    await opened?.locks.close();
    await opened?.store.close();
    await opened?.database.drop();
  });
  const whole = () => {
    if (opened === undefined) throw new Error("the database is opened before the first test");
    return opened;
  };
  return {
    get url() {
      return whole().database.url;
    },
    get store() {
      return whole().store;
    },
    get locks() {
      return whole().locks;
    },
    async heldRun(threadId) {
      const scene = await openScene(whole().store);
      const { runId } = await start(scene, { threadId });
      const held = await claim(scene, runId);
      const message = { kind: "message" as const, message: { role: "user" as const, content: "x" } };
      return {
        scene,
        runId,
        held,
        send: () => scene.tenant.enqueueInput({ by: AN_ACTOR, runId, input: message, dedupe: null }),
      };
    },
    isDue: async (runId) => (await claimAll(whole().store)).some((run) => run.runId === runId),
    async inboxOf(runId) {
      const [row] = await whole().locks.read<{ inbox: number; waiting: number }>(
        `select inbox, (select count(*)::int from run_inputs where run_id = $1 and not consumed) as waiting from runs where id = $1`,
        [runId],
      );
      return row;
    },
  };
}
