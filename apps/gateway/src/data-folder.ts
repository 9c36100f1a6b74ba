import { closeEntries, type FolderPrivacy, makePrivateFolder } from "./adapters/system/private-folder.ts";

/** Everything that a gateway and its embedded database put into the data folder. */
const OURS = /^(\.gitignore|key|url|jwt-secret|secrets-key|lock\..*|postgres|postgres\.unfinished)$/;

/**
 * Makes the data folder, closes it to everybody but its owner, and mends the modes of what is in it. Earlier versions
 * left the modes that the umask and the database's template gave.
 */
export async function prepareDataFolder(dataDir: string): Promise<FolderPrivacy> {
  const privacy = await makePrivateFolder(dataDir, isOurs);
  await closeEntries(dataDir, isOurs);
  return privacy;
}

/** Mends the modes of what was made since: an embedded database unpacks its template with modes of its own. */
export function mendDataFolder(dataDir: string): Promise<void> {
  return closeEntries(dataDir, isOurs);
}

function isOurs(name: string): boolean {
  return OURS.test(name);
}
