import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findNginx } from "./find-program.ts";
import { raiseServer, type ThrowawayServer } from "./throwaway-server.ts";

/** Starts nginx with what an operator would put into its `http` block. `siteOf` gets the port to listen on. */
export async function startNginx(siteOf: (port: number) => string): Promise<ThrowawayServer> {
  const found = await findNginx();
  if (found.kind === "missing") throw new Error(`no nginx to start: ${found.reason}`);
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return raiseServer({
    name: "nginx",
    readyText: "start worker process ",
    url: (port) => `https://localhost:${port}`,
    command: (folder, port) => ({
      program: found.path,
      args: ["-p", folder, "-e", "stderr", "-c", join(folder, `nginx-${port}.conf`)],
    }),
    beforeStart: async (folder, port) => {
      await mkdir(join(folder, "temporary"), { recursive: true });
      const settings = [
        "daemon off;",
        "worker_processes 1;",
        "error_log stderr notice;",
        `pid ${join(folder, "nginx.pid")};`,
        "events {}",
        "http {",
        "access_log off;",
        ...kinds.map((kind) => `${kind}_temp_path ${join(folder, "temporary", kind)};`),
        siteOf(port),
        "}",
      ];
      await writeFile(join(folder, `nginx-${port}.conf`), settings.join("\n"));
    },
  });
}
