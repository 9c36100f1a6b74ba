import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { beatPath, openSocket, ownPlace, holderSigns, startTimeOf } from "./holder-signs.ts";
import { LOCK_BEAT_MS, LOCK_TAKEOVER_MAX_MS } from "./limits.ts";
import { type LockHolder, mayLive, type ProcessPlace } from "./lock-holder.ts";
import { errorCode } from "./sql.ts";

/** Another process has the data folder. Two processes in one folder would destroy the data. */
export class DataFolderInUse extends Error {
  override readonly name = "DataFolderInUse";
}

export interface DataFolderLock {
  release(): Promise<void>;
}

/** Locks that this process holds. In a lock file its own pid looks like that of a dead process. */
const heldHere = new Set<string>();

/**
 * Locks the folder for this process until `release`, and makes it if it is not there. A lock whose holder cannot be
 * alive is taken over (`lock-holder.ts` has the rule). That may take `LOCK_BEAT_STALE_MS`, where only the holder's
 * silence tells. Throws `DataFolderInUse`, which names the holder.
 *
 * `onLost` is called when the folder has come to another holder, or the lock was removed. This process must end then,
 * before it writes anything more.
 */
export async function lockDataFolder(folder: string, onLost: (why: string) => void = fail): Promise<DataFolderLock> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "lock.json");
  if (heldHere.has(path)) throw inUse(folder, `this very process (${process.pid})`);
  heldHere.add(path);
  const token = randomUUID();
  const socket = await openSocket(folder, token);
  try {
    const place = await ownPlace();
    const startedAt = await startTimeOf(process.pid);
    const since = new Date().toISOString();
    const self: LockHolder = { pid: process.pid, ...place, startedAt, since, socket: socket?.name ?? null, token };
    await take(folder, path, self, place);
  } catch (error) {
    await socket?.close();
    heldHere.delete(path);
    throw error;
  }
  const stopBeating = beat(folder, path, { token, onLost });
  return {
    async release() {
      await stopBeating();
      // Another holder's lock stays.
      if ((await readHolder(path))?.token === token) {
        await rm(path, { force: true });
        await rm(beatPath(folder), { force: true });
      }
      await socket?.close();
      heldHere.delete(path);
    },
  };
}

async function take(folder: string, path: string, self: LockHolder, place: ProcessPlace): Promise<void> {
  const text = JSON.stringify(self);
  if (await create(path, text)) return;
  const found = await readHolder(path);
  if (found !== null && (await mayLive(found, { ...place, pid: self.pid }, holderSigns(folder))))
    throw inUse(folder, describe(found, path));
  // Only the holder of the takeover file may remove the lock of a dead process. Otherwise two processes that both saw
  // it could each remove the other's new lock.
  const takeover = `${path}.takeover`;
  if (!(await create(takeover, text)) && !(await isOld(takeover))) throw inUse(folder, STARTING);
  try {
    const now = await readHolder(path);
    if (JSON.stringify(now) !== JSON.stringify(found)) throw inUse(folder, STARTING);
    await rm(path, { force: true });
    if (now?.socket) await rm(join(folder, basename(now.socket)), { force: true });
    if (!(await create(path, text))) throw inUse(folder, STARTING);
  } finally {
    await rm(takeover, { force: true });
  }
}

const STARTING = "a process that is starting now";

/** Makes the file with all of its content in one step. Returns false when it is there already. */
async function create(path: string, content: string): Promise<boolean> {
  // The pid would not do: in each container it may be 1.
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, content, { mode: 0o600 });
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
async function readHolder(path: string): Promise<LockHolder | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as LockHolder;
  } catch (error) {
    if (errorCode(error) === "ENOENT" || error instanceof SyntaxError) return null;
    throw error;
  }
}

/** Beats until the returned function is called, and tells when the lock is not this holder's any more. */
function beat(
  folder: string,
  path: string,
  { token, onLost }: { readonly token: string; readonly onLost: (why: string) => void },
): () => Promise<void> {
  let inFlight: Promise<void> | null = null;
  async function once(): Promise<void> {
    const holder = await readHolder(path).catch(() => "unreadable" as const);
    if (holder !== "unreadable" && holder?.token !== token) {
      clearInterval(timer);
      const now = holder === null ? "its lock was removed" : `it was taken over by ${describe(holder, path)}`;
      return onLost(`the data folder ${folder} is not this process's any more: ${now}`);
    }
    // A disk that is full, or away for a moment, is told by the database. Here it means one beat less.
    await writeFile(beatPath(folder), token, { mode: 0o600 }).catch(() => {});
  }
  const tick = (): void => {
    inFlight ??= once().finally(() => (inFlight = null));
  };
  const timer = setInterval(tick, LOCK_BEAT_MS);
  timer.unref();
  tick();
  return async () => {
    clearInterval(timer);
    await inFlight;
  };
}

function fail(why: string): never {
  throw new Error(why);
}

function describe(holder: LockHolder, path: string): string {
  const { pid, host, since } = holder;
  if (host === hostname()) return `process ${pid}, since ${since}`;
  return `process ${pid} on host ${host}, since ${since} (if that one is gone for good, remove ${path}: rm '${path}')`;
}

function inUse(folder: string, holder: string): DataFolderInUse {
  return new DataFolderInUse(
    `the data folder ${folder} is in use by ${holder}. Stop that one, or give this one a folder of its own (HSAFA_DATA_DIR).`,
  );
}
