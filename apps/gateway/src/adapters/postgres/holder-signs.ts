import { randomUUID } from "node:crypto";
import { readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import { LOCK_BEAT_LOOK_MS, LOCK_BEAT_STALE_MS, LOCK_SOCKET_TIMEOUT_MS } from "./limits.ts";
import type { HolderSigns, ProcessPlace } from "./lock-holder.ts";
import { errorCode } from "./sql.ts";

/** Where this process runs. */
export async function ownPlace(): Promise<ProcessPlace> {
  const bootId = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => null);
  const pidNamespace = await readlink("/proc/self/ns/pid").catch(() => null);
  return { host: hostname(), bootId: bootId?.trim() ?? null, pidNamespace };
}

/** How the holder of the lock of this folder is found out about. */
export function holderSigns(folder: string): HolderSigns {
  return {
    async process(pid) {
      try {
        process.kill(pid, 0);
      } catch (error) {
        // EPERM means that the process is there, and belongs to another user.
        if (errorCode(error) === "ESRCH") return { kind: "gone" };
      }
      return { kind: "there", startedAt: await startTimeOf(pid) };
    },
    socket: (name) => askSocket(join(folder, name)),
    beat: () => watchBeat(folder),
  };
}

/**
 * Field 22 of `/proc/<pid>/stat`: when the process started; null where the kernel does not tell. The name in field 2
 * may contain anything, so fields are counted after its last parenthesis.
 */
export async function startTimeOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  return text === null ? null : (text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null);
}

/** A socket that is open as long as this process lives. */
export interface HolderSocket {
  readonly name: string;
  close(): Promise<void>;
}

/**
 * Opens the socket of a holder in its folder. Its name is its own, so that nobody takes it for another's. Returns null
 * where there can be none: on a filesystem without sockets, or below a path that is too long for one.
 */
export async function openSocket(folder: string, token: string): Promise<HolderSocket | null> {
  if (process.platform === "win32") return null;
  const name = `lock.${token.slice(0, 8)}.sock`;
  const server = createServer((connection) => connection.destroy());
  server.unref();
  const isOpen = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ path: join(folder, name) }, () => resolve(true));
  });
  if (!isOpen) return null;
  // A connection that fails must not end the process.
  server.on("error", () => {});
  return { name, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function askSocket(path: string): Promise<"open" | "refused" | "unknown"> {
  return new Promise((resolve) => {
    const connection = connect({ path });
    connection.setTimeout(LOCK_SOCKET_TIMEOUT_MS);
    const tell = (answer: "open" | "refused" | "unknown"): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.once("connect", () => tell("open"));
    connection.once("timeout", () => tell("unknown"));
    connection.once("error", (error) => tell(errorCode(error) === "ECONNREFUSED" ? "refused" : "unknown"));
  });
}

/** The file that a holder writes again and again. */
export function beatPath(folder: string): string {
  return join(folder, "lock.beat");
}

async function watchBeat(folder: string): Promise<"beats" | "silent" | "never"> {
  const first = await writtenAt(beatPath(folder));
  if (first === null) return "never";
  for (;;) {
    const last = await writtenAt(beatPath(folder));
    if (last !== first) return "beats";
    if ((await timeIn(folder)) - first >= LOCK_BEAT_STALE_MS) return "silent";
    await new Promise((resolve) => setTimeout(resolve, LOCK_BEAT_LOOK_MS));
  }
}

/** The filesystem's own time: the clocks of two machines may differ by minutes. */
async function timeIn(folder: string): Promise<number> {
  const probe = join(folder, `lock.${randomUUID()}.probe`);
  await writeFile(probe, "", { mode: 0o600 });
  try {
    return (await writtenAt(probe)) ?? Number.NEGATIVE_INFINITY;
  } finally {
    await rm(probe, { force: true });
  }
}

async function writtenAt(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found?.mtimeMs ?? null;
}
