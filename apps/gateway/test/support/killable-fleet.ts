import type { ChildProcess } from "node:child_process";
import { type FreshDatabase, freshDatabase, redisUrl } from "../services/services.ts";
import { listeningUrl, startProgram } from "./gateway-program.ts";
import { startSwitchingProxy } from "./switching-proxy.ts";

/** Two gateways in processes of their own, behind one address. */
export interface KillableFleet {
  readonly url: string;
  /** The operator's key. */
  readonly key: string;
  /** Ends the first gateway as a crash does. */
  killFirst(): void;
  close(): Promise<void>;
}

/** Starts a fleet whose pages come from `origin`. */
export async function startKillableFleet(origin: string): Promise<KillableFleet> {
  const database: FreshDatabase = await freshDatabase();
  const children: ChildProcess[] = [];
  const key = "hsafa_test_operator_key_of_a_fleet_0123456789";
  const env = {
    HSAFA_ADMIN_KEY: key,
    HSAFA_JWT_SECRET: "a secret that every gateway of this fleet signs its tokens with",
    HSAFA_ALLOWED_ORIGINS: origin,
    DATABASE_URL: database.url,
    REDIS_URL: await redisUrl(),
  };
  const urls: string[] = [];
  for (let count = 0; count < 2; count += 1) {
    const child = startProgram(env);
    children.push(child);
    child.stderr?.resume();
    urls.push(await listeningUrl(child));
  }
  const front = await startSwitchingProxy(urls);
  return {
    url: front.url,
    key,
    killFirst: () => void children[0]?.kill("SIGKILL"),
    async close() {
      await front.close();
      for (const child of children) child.kill("SIGKILL");
      await database.drop();
    },
  };
}
