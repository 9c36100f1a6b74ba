/**
 * A folder that its owner alone may enter, whatever the umask.
 *
 * 1. The folder is 0700, so nobody else reaches what is in it, even a file that is made later with a wide mode.
 * 2. What is in it is 0600, and folders in it are 0700. A program that copies the folder keeps these modes.
 * 3. Modes change only in the folder itself and in entries that are ours. A person may have put the data folder where
 *    other files lie. There nothing is hidden from git either.
 * 4. A folder that belongs to another user stays as it is: only its owner may change it. The caller is told.
 */
import type { Stats } from "node:fs";
import { chmod, lstat, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** What others may do with a file, as bits of its mode. */
const FOR_OTHERS = 0o077;
/** Everybody may make files here, and each may remove their own: a folder like /tmp, which is nobody's alone. */
const STICKY = 0o1000;

/** How private a folder could be made. */
export type FolderPrivacy =
  | { readonly kind: "private" }
  /** Others may read it; `detail` says why that was left so, and what to do. */
  | { readonly kind: "shared"; readonly detail: string };

/**
 * Makes the folder if it is not there, and closes it to others. Git does not see a folder that holds only what is ours.
 */
export async function makePrivateFolder(folder: string, isOurs: (name: string) => boolean): Promise<FolderPrivacy> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if ((await readdir(folder)).every(isOurs)) await hideFromGit(folder); // 3.
  const found = await stat(folder);
  if ((found.mode & FOR_OTHERS) === 0) return { kind: "private" };
  if ((found.mode & STICKY) !== 0) return shared(folder, "it is a folder that many users share");
  if (!isOwn(found)) return shared(folder, "it belongs to another user"); // 4.
  await chmod(folder, 0o700);
  return { kind: "private" };
}

/** Closes what is ours in the folder to others, with all that lies below (2, 3). */
export async function closeEntries(folder: string, isOurs: (name: string) => boolean): Promise<void> {
  for (const name of await readdir(folder)) {
    if (isOurs(name)) await closeToOthers(join(folder, name));
  }
}

/** A `.gitignore` that is there stays: a person may have written it. */
async function hideFromGit(folder: string): Promise<void> {
  const text = "# Data and secrets of hsafa.\n*\n";
  await writeFile(join(folder, ".gitignore"), text, { flag: "wx", mode: 0o600 }).catch(
    ignoreCode("EEXIST", "EACCES", "EROFS"),
  );
}

async function closeToOthers(path: string): Promise<void> {
  const found = await lstat(path).catch(ignoreCode("ENOENT"));
  if (found === undefined || found.isSymbolicLink()) return;
  if ((found.mode & FOR_OTHERS) !== 0 && isOwn(found)) {
    // A file may go away meanwhile: a database removes those of its past.
    await chmod(path, found.isDirectory() ? 0o700 : 0o600).catch(ignoreCode("ENOENT"));
  }
  if (!found.isDirectory()) return;
  const names = (await readdir(path).catch(ignoreCode("ENOENT"))) ?? [];
  for (const name of names) await closeToOthers(join(path, name));
}

/** The root user owns everything in this sense. Windows has no such owners. */
function isOwn({ uid }: Stats): boolean {
  const self = process.getuid?.();
  return self === undefined || self === 0 || self === uid;
}

function shared(folder: string, why: string): FolderPrivacy {
  const detail = `the data folder ${folder} is open to other users, because ${why}; set HSAFA_DATA_DIR to a folder of its own`;
  return { kind: "shared", detail };
}

function ignoreCode(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (typeof code === "string" && codes.includes(code)) return undefined;
    throw error;
  };
}
