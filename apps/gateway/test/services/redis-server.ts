import { findRedis } from "./find-program.ts";
import { raiseServer, type ThrowawayServer } from "./throwaway-server.ts";

/**
 * Starts a Redis for one test that flushes, stops or kills it, or for a benchmark. It keeps nothing on disk, so a
 * restart wipes it.
 */
export async function startPrivateRedis(): Promise<ThrowawayServer> {
  const found = await findRedis();
  if (found.kind === "missing") throw new Error(`no Redis to start: ${found.reason}`);
  return raiseServer({
    name: "redis",
    readyText: "Ready to accept connections",
    url: (port) => `redis://127.0.0.1:${port}`,
    command: (_folder, port) => ({
      program: found.path,
      args: ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
    }),
  });
}
