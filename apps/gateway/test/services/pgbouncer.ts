import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findPgbouncer } from "./find-program.ts";
import { unprivilegedUser } from "./postgres-server.ts";
import { raiseServer, type ThrowawayServer } from "./throwaway-server.ts";

/** Starts PgBouncer, with its settings as Debian brings them, in front of the databases of a Postgres. */
export async function startPgbouncer(
  postgresUrl: string,
  { poolMode }: { readonly poolMode: "session" | "transaction" | "statement" },
): Promise<ThrowawayServer> {
  const found = await findPgbouncer();
  if (found.kind === "missing") throw new Error(`no PgBouncer to start: ${found.reason}`);
  const { hostname, port: serverPort, pathname } = new URL(postgresUrl);
  return raiseServer({
    name: "pgbouncer",
    user: await unprivilegedUser(),
    readyText: "process up",
    url: (port) => `postgres://postgres@127.0.0.1:${port}${pathname}`,
    command: (folder, port) => ({ program: found.path, args: [join(folder, `pgbouncer-${port}.ini`)] }),
    beforeStart: async (folder, port) => {
      await writeFile(join(folder, "users.txt"), '"postgres" ""\n');
      const settings = [
        "[databases]",
        `* = host=${hostname} port=${serverPort}`,
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        `listen_port = ${port}`,
        "unix_socket_dir =",
        "auth_type = trust",
        "auth_file = users.txt",
        `pool_mode = ${poolMode}`,
        "",
      ];
      await writeFile(join(folder, `pgbouncer-${port}.ini`), settings.join("\n"));
    },
  });
}
