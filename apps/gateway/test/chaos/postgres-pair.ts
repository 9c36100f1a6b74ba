import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startPrivatePostgres, startPrivateStandby } from "../services/postgres-server.ts";
import type { ThrowawayServer } from "../services/throwaway-server.ts";
import { openLink } from "./link.ts";

/** A primary and a synchronous standby behind one address: the standby has every commit that is acknowledged. */
export interface PostgresPair extends ThrowawayServer {
  /**
   * The primary vanishes. After `decideMs` the standby is promoted under the same address, and a new standby is made.
   * Resolves when that one follows. `downMs` is how long there was no database.
   */
  failOver(params: { readonly decideMs: number }): Promise<{ readonly downMs: number }>;
}

const POLL_MS = 20;

/** Starts the pair. `settings` are lines of `postgresql.conf`. */
export async function startPostgresPair(settings: readonly string[]): Promise<PostgresPair> {
  const pairSettings = [...settings, "wal_level=replica", "max_wal_senders=8", "hot_standby=on", "wal_keep_size=512MB"];
  let primary: ThrowawayServer = await startPrivatePostgres({ settings: pairSettings });
  const front = await openLink([portOf(primary)]);
  let standby = await follow();

  /** Starts a new standby. From then on no commit is acknowledged without it. */
  async function follow(): Promise<ThrowawayServer> {
    const second = await startPrivateStandby(primary, { settings: pairSettings });
    while ((await ask(primary, "select from pg_stat_replication where state = 'streaming'")) === 0)
      await sleep(POLL_MS);
    await ask(primary, "alter system set synchronous_standby_names = '*'");
    await ask(primary, "select pg_reload_conf()");
    while ((await ask(primary, "select from pg_stat_replication where sync_state = 'sync'")) === 0)
      await sleep(POLL_MS);
    return second;
  }

  return {
    url: Object.assign(new URL(primary.url), { port: String(front.port) }).href,
    stop: (signal) => primary.stop(signal),
    start: () => primary.start(),
    signal: (signal) => primary.signal(signal),
    weighAsOne: () => primary.weighAsOne(),
    async failOver({ decideMs }) {
      const from = performance.now();
      // No client is told: statements and results in flight are lost.
      front.set(0, { kind: "cut" });
      await primary.stop("SIGQUIT");
      await primary.remove();
      await sleep(decideMs);
      // It was copied with the primary's settings, and has no standby of its own yet.
      await ask(standby, "alter system reset synchronous_standby_names");
      await ask(standby, "select pg_reload_conf()");
      await ask(standby, "select pg_promote()");
      front.retarget(0, portOf(standby));
      front.set(0, { kind: "pass" });
      const downMs = performance.now() - from;
      primary = standby;
      standby = await follow();
      return { downMs };
    },
    async remove() {
      await Promise.all([standby.remove(), front.close()]);
      await primary.remove();
    },
  };
}

/** Executes a statement and returns the number of rows. */
async function ask(server: ThrowawayServer, statement: string): Promise<number> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    return (await client.query(statement)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

function portOf({ url }: ThrowawayServer): number {
  return Number(new URL(url).port);
}
