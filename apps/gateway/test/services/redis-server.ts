import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findRedis } from "./find-program.ts";
import { raiseServer, type ThrowawayServer } from "./throwaway-server.ts";

export interface RedisServerOptions {
  /** Arguments beside those of every throwaway server. */
  readonly settings?: readonly string[];
  /** Whether it takes TLS only. */
  readonly isTls?: boolean;
  /** Whether it is a Sentinel, which watches nothing. */
  readonly isSentinel?: boolean;
}

/**
 * Starts a Redis for one test that flushes, stops or kills it, or for a benchmark. It keeps nothing on disk, so a
 * restart wipes it.
 */
export async function startPrivateRedis(options: RedisServerOptions = {}): Promise<ThrowawayServer> {
  const { settings = [], isTls = false, isSentinel = false } = options;
  const found = await findRedis();
  if (found.kind === "missing") throw new Error(`no Redis to start: ${found.reason}`);
  const portSettings = (port: number): string[] =>
    isTls ? ["--port", "0", "--tls-port", String(port)] : ["--port", String(port)];
  const kept = ["--save", "", "--appendonly", "no"];
  return raiseServer({
    name: "redis",
    readyText: isSentinel ? "Sentinel ID is" : "Ready to accept connections",
    url: (port) => `${isTls ? "rediss" : "redis"}://127.0.0.1:${port}`,
    // A Sentinel keeps what it learns in its file of settings.
    beforeStart: async (folder) => {
      if (isSentinel) await writeFile(join(folder, "sentinel.conf"), "");
    },
    command: (folder, port) => ({
      program: found.path,
      args: isSentinel
        ? [join(folder, "sentinel.conf"), "--sentinel", "--port", String(port), "--bind", "127.0.0.1"]
        : [...portSettings(port), "--bind", "127.0.0.1", ...kept, ...settings],
    }),
  });
}
