import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPostgres } from "./find-program.ts";
import { raiseServer, type ThrowawayServer } from "./throwaway-server.ts";

const run = promisify(execFile);

/** A Postgres of one's own, for a test that stops, kills or starves it, and for a benchmark. Takes about two seconds. */
export async function startPrivatePostgres(
  options: { readonly settings: readonly string[] } = { settings: [] },
): Promise<ThrowawayServer> {
  const found = await findPostgres();
  if (found.kind === "missing") throw new Error(`no Postgres to start: ${found.reason}`);
  const programs = found.path;
  const user = await unprivilegedUser();
  return raiseServer({
    name: "postgres",
    user,
    readyText: "database system is ready to accept connections",
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    prepare: async (folder) => {
      const args = ["-D", join(folder, "data"), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"];
      await run(join(programs, "initdb"), [...args, "--locale=C"], { cwd: folder, ...user });
    },
    command: (folder, port) => ({
      program: join(programs, "postgres"),
      args: [
        "-D",
        join(folder, "data"),
        ...[...settings(port), ...options.settings].flatMap((setting) => ["-c", setting]),
      ],
    }),
  });
}

/** Durability against a power loss is given up for speed; everything else is as in production. */
function settings(port: number): string[] {
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
async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const ids = await Promise.allSettled([run("id", ["-u", name]), run("id", ["-g", name])]);
    const [uid, gid] = ids.map((id) => (id.status === "fulfilled" ? Number(id.value.stdout) : undefined));
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new Error("Postgres refuses to run as root, and this machine has neither a user postgres nor a user nobody");
}
