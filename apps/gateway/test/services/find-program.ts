/**
 * Finds the programs that some tests need: Postgres, Redis, PgBouncer, nginx, Chromium. It installs a missing one where
 * that is allowed: on Debian, as root. Otherwise it returns the reason, so that a test can be skipped with it.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

export type Found = { kind: "found"; path: string } | { kind: "missing"; reason: string };

const run = promisify(execFile);

/** Time for one installation, in milliseconds: a mirror may be slow, and Chromium is 100 MB. */
const installDurationMaxMs = 600_000;

/** Finds the folder of Postgres 15 or later, with `initdb` and `postgres`. */
export function findPostgres(): Promise<Found> {
  return findOrInstall({
    debianPackage: "postgresql",
    locate: () => firstRecent(postgresFolders(), (folder) => join(folder, "postgres"), 15),
  });
}

/** Finds `redis-server` 7 or later, or Valkey's. */
export function findRedis(): Promise<Found> {
  return findOrInstall({
    debianPackage: "redis-server",
    locate: () => firstRecent(onPath("redis-server", "valkey-server"), (program) => program, 7),
  });
}

/** Finds the folder of `pg_dump` and `psql`, 15 or later. It must not be older than the server. */
export function findPgDump(): Promise<Found> {
  return findOrInstall({
    debianPackage: "postgresql-client",
    locate: () =>
      firstRecent(
        [...postgresFolders(), ...onPath("pg_dump").map((program) => join(program, ".."))].filter((folder) =>
          ["pg_dump", "psql"].every((program) => existsSync(join(folder, program))),
        ),
        (folder) => join(folder, "pg_dump"),
        15,
      ),
  });
}

/** Finds PgBouncer. */
export function findPgbouncer(): Promise<Found> {
  return findOrInstall({
    debianPackage: "pgbouncer",
    locate: async () => [...onPath("pgbouncer"), "/usr/sbin/pgbouncer"].find((program) => existsSync(program)),
  });
}

/** Finds nginx with TLS. */
export function findNginx(): Promise<Found> {
  return findOrInstall({
    debianPackage: "nginx-light",
    locate: async () => [...onPath("nginx"), "/usr/sbin/nginx"].find((program) => existsSync(program)),
  });
}

/** Finds a Chromium or Chrome for playwright's `executablePath`. */
export function findChromium(): Promise<Found> {
  const applications = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ];
  return findOrInstall({
    debianPackage: "chromium",
    locate: async () =>
      [...onPath("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"), ...applications].find(
        (program) => existsSync(program),
      ),
  });
}

interface Program {
  debianPackage: string;
  locate: () => Promise<string | undefined>;
}

async function findOrInstall({ debianPackage, locate }: Program): Promise<Found> {
  const present = await locate();
  if (present !== undefined) return { kind: "found", path: present };
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) {
    return {
      kind: "missing",
      reason: `${debianPackage} is not on this machine, and only root on Debian lets the tests install it`,
    };
  }
  console.warn(`Installing ${debianPackage}, which the tests need.`);
  try {
    await installDebianPackage(debianPackage);
  } catch (error) {
    return { kind: "missing", reason: `${debianPackage} could not be installed: ${String(error)}` };
  }
  const installed = await locate();
  return installed === undefined
    ? { kind: "missing", reason: `Debian's ${debianPackage} is too old for hsafa` }
    : { kind: "found", path: installed };
}

async function installDebianPackage(name: string): Promise<void> {
  const install = `apt-get install -y --no-install-recommends ${name}`;
  // A lock, because apt fails if another test process runs it at the same time.
  await run("flock", ["/tmp/hsafa-test-install.lock", "sh", "-c", `${install} || { apt-get update && ${install}; }`], {
    timeout: installDurationMaxMs,
    maxBuffer: 64 * 1024 * 1024,
    // This run level keeps Debian from starting the installed service: tests start servers of their own.
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
  });
}

function onPath(...names: string[]): string[] {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
  return names.flatMap((name) => folders.map((folder) => join(folder, name)).filter((program) => existsSync(program)));
}

function postgresFolders(): string[] {
  const debianRoot = "/usr/lib/postgresql";
  const debianVersions = existsSync(debianRoot)
    ? readdirSync(debianRoot).toSorted((a, b) => Number(b) - Number(a))
    : [];
  return [
    ...debianVersions.map((version) => join(debianRoot, version, "bin")),
    // A folder of a client package has no initdb.
    ...onPath("initdb").map((program) => join(program, "..")),
  ].filter((folder) => existsSync(join(folder, "postgres")) && existsSync(join(folder, "initdb")));
}

async function firstRecent(
  candidates: string[],
  programOf: (candidate: string) => string,
  majorMin: number,
): Promise<string | undefined> {
  for (const candidate of candidates) {
    // "postgres (PostgreSQL) 15.9", "Redis server v=7.0.15 sha=…"
    const { stdout } = await run(programOf(candidate), ["--version"]);
    const major = Number(/(?:\) |v=)(\d+)/.exec(stdout)?.[1]);
    if (major >= majorMin) return candidate;
  }
  return undefined;
}
