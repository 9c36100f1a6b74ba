/**
 * What an idle gateway holds in memory:
 * `npm run pack && node apps/gateway/bench/idle-memory.ts --program <folder>/node_modules/hsafa/dist/bin/hsafa.js`.
 * The program is that of an installed package, since sources with types cost more. It is started with a Postgres and a
 * Redis of its own, and with the embedded database: in a new folder, and again. Nothing of it is collected here.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { startPrivatePostgres } from "../test/services/postgres-server.ts";
import { startPrivateRedis } from "../test/services/redis-server.ts";
import { programEnv } from "../test/support/program-env.ts";

/** The most that a gateway may hold, in MB. */
const FLEET_MB_MAX = 120;
const EMBEDDED_MB_MAX = 350;
const { values } = parseArgs({
  options: { program: { type: "string" }, seconds: { type: "string", default: "25" } },
});
const { program } = values;
if (program === undefined) throw new Error("--program names the hsafa.js of an installed package");
const folder = mkdtempSync(join(tmpdir(), "hsafa-idle-"));
// As on a machine that has run the program before.
const common = { ...programEnv(), NODE_COMPILE_CACHE: join(folder, "compiled"), PORT: "0" };

async function measure(what: string, args: readonly string[], env: object, mbMax: number): Promise<void> {
  const child = spawn(process.execPath, [program ?? "", ...args], {
    cwd: folder,
    env: { ...common, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = (): void => void child.kill("SIGKILL");
  process.on("exit", kill);
  const begunAt = performance.now();
  await once(createInterface({ input: child.stdout }), "line");
  const servedAfter = performance.now() - begunAt;
  await sleep(Number(values.seconds) * 1000);
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  const mb = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
  const [rss, most] = [mb("VmRSS"), mb("VmHWM")];
  process.stdout.write(
    `${what}: ${rss.toFixed(0)} MB (at most ${mbMax}: ${rss <= mbMax ? "met" : "not met"}), ` +
      `${most.toFixed(0)} MB at its peak, served after ${(servedAfter / 1000).toFixed(1)} s\n`,
  );
  child.kill("SIGTERM");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  process.off("exit", kill);
}

const postgres = await startPrivatePostgres();
const redis = await startPrivateRedis();
try {
  const fleet = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    HSAFA_ADMIN_KEY: "hsafa_bench_operator_key_0123456789abcdef",
    HSAFA_JWT_SECRET: "a secret that the gateway of a measurement signs its tokens with",
  };
  for (const when of ["first start", "again"]) await measure(`fleet, ${when}`, ["start"], fleet, FLEET_MB_MAX);
  for (const when of ["in a new folder", "started again"])
    await measure(`embedded, ${when}`, ["dev", "--port", "0"], {}, EMBEDDED_MB_MAX);
} finally {
  await Promise.all([postgres.remove(), redis.remove()]);
  rmSync(folder, { recursive: true, force: true });
}
