import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { listeningUrl, MAIN } from "../test/support/gateway-program.ts";
import { programEnv } from "../test/support/program-env.ts";

/** In kB: what is resident, what the heap holds, and what is held outside of it. */
export interface Memory {
  readonly rss: number;
  readonly heap: number;
  readonly external: number;
}

/** A gateway in a process of its own, which collects its garbage when it is asked. */
export interface CollectedGateway {
  readonly url: string;
  readonly pid: number;
  /** What it holds, after it has collected all garbage. */
  memory(): Promise<Memory>;
  /** What is resident just now, in kB. */
  residentKb(): number;
  /** Ends it; by default as a machine that fails. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export async function startCollectedGateway(services: {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}): Promise<CollectedGateway> {
  const preload = fileURLToPath(new URL("collect-on-signal.ts", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, ["--import", preload, MAIN], {
    env: {
      ...programEnv(),
      PORT: "0",
      DATABASE_URL: services.databaseUrl,
      REDIS_URL: services.redisUrl,
      HSAFA_ADMIN_KEY: "hsafa_bench_operator_key_0123456789abcdef",
      HSAFA_JWT_SECRET: "a secret that the gateway of a measurement signs its tokens with",
      HSAFA_DEMO_MODELS: "on",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { stderr, pid } = child;
  if (stderr === null || pid === undefined) throw new Error("the gateway did not start");
  // Also when a measurement fails.
  const kill = (): void => void child.kill("SIGKILL");
  process.on("exit", kill);
  const lines = createInterface({ input: stderr });
  const url = await listeningUrl(child);
  child.stdout?.resume();
  const residentKb = (): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  return {
    url,
    pid,
    residentKb,
    async memory() {
      const collected = new Promise<string>((resolve) => {
        const hear = (line: string): void => {
          const text = /^collected (.*)$/.exec(line)?.[1];
          if (text === undefined) return;
          lines.off("line", hear);
          resolve(text);
        };
        lines.on("line", hear);
      });
      child.kill("SIGUSR2");
      const { heapUsed, external } = JSON.parse(await collected) as { heapUsed: number; external: number };
      return { rss: residentKb(), heap: heapUsed / 1024, external: external / 1024 };
    },
    async stop(signal = "SIGKILL") {
      child.kill(signal);
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      process.off("exit", kill);
    },
  };
}
