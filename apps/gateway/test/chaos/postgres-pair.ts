import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { startPrivatePostgres, startPrivateStandby } from "../services/postgres-server.ts";
import type { ThrowawayServer } from "../services/throwaway-server.ts";
import { openLink } from "./link.ts";

/** Two servers behind one address, the second of which has every commit before it is acknowledged. */
export interface PostgresPair extends ThrowawayServer {
  /**
   * The first one's machine vanishes, the second takes its place under the same address after `decideMs` (whoever
   * watches over a pair needs a while to believe it), and a new second is made. Resolves when everything is as before;
   * `downMs` tells how long there was no database.
   */
  failOver(params: { readonly decideMs: number }): Promise<{ readonly downMs: number }>;
}

const POLL_MS = 20;

/** `settings` as of `postgresql.conf`. */
export async function startPostgresPair(settings: readonly string[]): Promise<PostgresPair> {
  const pairSettings = [...settings, "wal_level=replica", "max_wal_senders=8", "hot_standby=on", "wal_keep_size=512MB"];
  let primary = await startPrivatePostgres({ settings: pairSettings });
  const front = await openLink([portOf(primary)]);
  let standby = await follow();

  /** A new standby of the primary; from then on no commit is acknowledged without it. */
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
    async failOver({ decideMs }) {
      const from = performance.now();
      // Nobody is told: what was on its way is lost, answers too.
      front.set(0, { kind: "cut" });
      await primary.stop("SIGQUIT");
      await primary.remove();
      await sleep(decideMs);
      // It was copied with the first one's settings, and has no second itself yet.
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

/** Answers how many rows there are. */
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
