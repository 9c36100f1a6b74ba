import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { findPostgres } from "./find-program.ts";
import { startPrivatePostgres, startPrivateStandby, unprivilegedUser } from "./postgres-server.ts";
import type { ThrowawayServer } from "./throwaway-server.ts";

const run = promisify(execFile);
const SETTINGS = ["wal_level=replica", "max_wal_senders=4"];

/** A Postgres that loses what it acknowledged. */
export interface LossyPostgres {
  readonly url: string;
  /** What is committed from now on will be lost. */
  keep(): Promise<void>;
  /** Goes back to how it was when `keep` was called. Resolves when it takes writes. */
  goBack(): Promise<void>;
  /** Asks the server of now, as an operator. */
  ask(statement: string): Promise<readonly Record<string, unknown>[]>;
  remove(): Promise<void>;
}

/** One that an operator restores from a physical copy. Its data and its timeline stay the same. */
export async function startRestoredPostgres(): Promise<LossyPostgres> {
  const found = await findPostgres();
  if (found.kind === "missing") throw new Error(`no Postgres to copy: ${found.reason}`);
  const user = await unprivilegedUser();
  const server = await startPrivatePostgres({ settings: SETTINGS });
  const { folder, url } = server;
  const [data, copy] = [join(folder, "data"), join(folder, "copy")];
  const options = { cwd: folder, ...user };
  return {
    url,
    async keep() {
      const args = ["-D", copy, "-d", url, "--checkpoint=fast", "--no-sync"];
      await run(join(found.path, "pg_basebackup"), args, options);
    },
    async goBack() {
      await server.stop();
      await run("rm", ["-rf", data], options);
      await run("cp", ["-a", copy, data], options);
      await server.start();
    },
    ask: (statement) => ask(url, statement),
    remove: () => server.remove(),
  };
}

/** One whose standby, which was left behind, takes over. The address names both. */
export async function startFailedOverPostgres(): Promise<LossyPostgres> {
  const primary: ThrowawayServer = await startPrivatePostgres({ settings: SETTINGS });
  const standby = await startPrivateStandby(primary, { settings: [...SETTINGS, "hot_standby=on"] });
  const hosts = [primary.url, standby.url].map((url) => new URL(url).host).join(",");
  let present = primary;
  return {
    url: `postgres://postgres@${hosts}/postgres?target_session_attrs=read-write`,
    ask: (statement) => ask(present.url, statement),
    async keep() {
      const [row] = await ask(primary.url, "select pg_current_wal_lsn()::text as lsn");
      const has = `select pg_last_wal_replay_lsn() >= '${String(row?.lsn)}' as has`;
      while ((await ask(standby.url, has))[0]?.has !== true) await new Promise((resolve) => setTimeout(resolve, 20));
      await standby.stop();
    },
    async goBack() {
      await primary.stop("SIGQUIT");
      await standby.start();
      await ask(standby.url, "select pg_promote()");
      present = standby;
    },
    async remove() {
      await Promise.all([primary.remove(), standby.remove()]);
    },
  };
}

async function ask(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows;
  } finally {
    await client.end();
  }
}
