import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPostgres } from "./find-program.ts";
import { type RaisedServer, raiseServer, type ThrowawayServer } from "./throwaway-server.ts";

const run = promisify(execFile);

interface Recipe {
  /** Lines of `postgresql.conf` in addition to those of every throwaway server. */
  readonly settings: readonly string[];
  readonly readyText: string;
  /** Returns the command that makes the folder `data`. `programs` is the folder of Postgres's programs. */
  readonly makeData: (programs: string, data: string) => readonly [program: string, ...args: string[]];
}

/** Starts a Postgres for one test that stops, kills or starves it, or for a benchmark. Takes about two seconds. */
export function startPrivatePostgres({
  settings = [],
}: {
  readonly settings?: readonly string[];
} = {}): Promise<RaisedServer> {
  return raise({
    settings,
    readyText: "database system is ready to accept connections",
    makeData: (programs, data) => [
      join(programs, "initdb"),
      "-D",
      data,
      "--username=postgres",
      "--auth=trust",
      "--no-sync",
      "--encoding=UTF8",
      "--locale=C",
    ],
  });
}

/** Starts a standby of `primary`, which must have `wal_level=replica` and `max_wal_senders`. */
export function startPrivateStandby(
  primary: ThrowawayServer,
  { settings }: { readonly settings: readonly string[] },
): Promise<ThrowawayServer> {
  return raise({
    settings,
    readyText: "database system is ready to accept read-only connections",
    makeData: (programs, data) => [
      join(programs, "pg_basebackup"),
      "-D",
      data,
      "-d",
      primary.url,
      "--write-recovery-conf",
      "--checkpoint=fast",
      "--no-sync",
    ],
  });
}

async function raise({ settings, readyText, makeData }: Recipe): Promise<RaisedServer> {
  const found = await findPostgres();
  if (found.kind === "missing") throw new Error(`no Postgres to start: ${found.reason}`);
  const programs = found.path;
  const user = await unprivilegedUser();
  return raiseServer({
    name: "postgres",
    user,
    readyText,
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    prepare: async (folder) => {
      const [program, ...args] = makeData(programs, join(folder, "data"));
      await run(program, args, { cwd: folder, ...user });
    },
    command: (folder, port) => ({
      program: join(programs, "postgres"),
      args: ["-D", join(folder, "data"), ...[...settingsOf(port), ...settings].flatMap((setting) => ["-c", setting])],
    }),
  });
}

/** For speed, these settings give up durability against a power loss. The rest is as in production. */
function settingsOf(port: number): string[] {
  return [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "timezone=UTC",
  ];
}

/** Postgres refuses to run as root. */
export async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const ids = await Promise.allSettled([run("id", ["-u", name]), run("id", ["-g", name])]);
    const [uid, gid] = ids.map((id) => (id.status === "fulfilled" ? Number(id.value.stdout) : undefined));
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error("Postgres refuses to run as root, and this machine has neither a user postgres nor a user nobody");
}
