import { link, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { LOCK_TAKEOVER_MAX_MS } from "./limits.ts";
import { errorCode } from "./sql.ts";

/** Another process has the data folder. Two processes in one folder would destroy the data. */
export class DataFolderInUse extends Error {
  override readonly name = "DataFolderInUse";
}

export interface DataFolderLock {
  release(): Promise<void>;
}

/** The holder of the lock, as its file tells. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /**
   * The start time of that process, where the kernel tells it (Linux). Another process may have the same pid by now.
   */
  readonly startedAt: string | null;
  readonly since: string;
}

/** Locks that this process holds. In a lock file its own pid looks like that of a dead process. */
const heldHere = new Set<string>();

/**
 * Locks the folder for this process until `release`, and makes it if it is not there. A lock file whose process is dead
 * is taken over. Throws `DataFolderInUse`, which names the holder.
 */
export async function lockDataFolder(folder: string): Promise<DataFolderLock> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, "lock.json");
  if (heldHere.has(path)) throw inUse(folder, `this very process (${process.pid})`);
  heldHere.add(path);
  try {
    await take(folder, path);
  } catch (error) {
    heldHere.delete(path);
    throw error;
  }
  return {
    async release() {
      await rm(path, { force: true });
      heldHere.delete(path);
    },
  };
}

async function take(folder: string, path: string): Promise<void> {
  const startedAt = await startTimeOf(process.pid);
  const self = JSON.stringify({ pid: process.pid, host: hostname(), startedAt, since: new Date().toISOString() });
  if (await create(path, self)) return;
  // Only the holder of the takeover file may remove the lock of a dead process. Otherwise two processes that both saw
  // it could each remove the other's new lock.
  const takeover = `${path}.takeover`;
  if (!(await create(takeover, self)) && !(await isOld(takeover)))
    throw inUse(folder, "a process that is starting now");
  try {
    const holder = await readHolder(path);
    if (holder !== null && (await mayLive(holder))) throw inUse(folder, describe(holder, path));
    await rm(path, { force: true });
    if (!(await create(path, self))) throw inUse(folder, "a process that is starting now");
  } finally {
    await rm(takeover, { force: true });
  }
}

/** Makes the file with all of its content in one step. Returns false when it is there already. */
async function create(path: string, content: string): Promise<boolean> {
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, content);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST") return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Whether a takeover was abandoned half-way: one takes milliseconds. */
async function isOld(path: string): Promise<boolean> {
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs > LOCK_TAKEOVER_MAX_MS;
}

/** Returns null when there is no holder any more, or the file is not one of ours. */
async function readHolder(path: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Holder;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * Whether the holder may be alive. A process of another host (another container on the same volume) cannot be looked up
 * from here, so it counts as alive.
 */
async function mayLive(holder: Holder): Promise<boolean> {
  if (holder.host !== hostname()) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM means that the process is there, and belongs to another user.
    if (errorCode(error) === "ESRCH") return false;
  }
  return holder.pid !== process.pid && (await startTimeOf(holder.pid)) === holder.startedAt;
}

/**
 * Field 22 of `/proc/<pid>/stat`. The name in field 2 may contain anything, so fields are counted after its last
 * parenthesis.
 */
async function startTimeOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  return text === null ? null : (text.slice(text.lastIndexOf(")") + 2).split(" ")[19] ?? null);
}

function describe(holder: Holder, path: string): string {
  const { pid, host, since } = holder;
  if (host === hostname()) return `process ${pid}, since ${since}`;
  return `process ${pid} on host ${host}, since ${since} (if that one is gone for good, remove ${path})`;
}

function inUse(folder: string, holder: string): DataFolderInUse {
  return new DataFolderInUse(
    `the data folder ${folder} is in use by ${holder}. Stop that one, or give this one a folder of its own (HSAFA_DATA_DIR).`,
  );
}
