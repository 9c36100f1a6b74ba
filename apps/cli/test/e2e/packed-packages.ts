import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../../../..");
const POLL_MS = 100;
/** Two compilations of five packages, on a machine that may be busy. */
const PACKED_MAX_MS = 240_000;

/**
 * Puts the tarballs of all packages into a folder. Test files that run side by side share one build, since a build
 * writes into the workspaces. The first that asks makes it, and the others wait for it.
 */
export async function packedPackages(folder: string): Promise<void> {
  const shared = process.env["HSAFA_TEST_PACKED"];
  if (shared === undefined) throw new Error("packed-folder.ts is no global setup of this project");
  const [tarballs, ended] = [join(shared, "tarballs"), join(shared, "ended")];
  if (isFirst(shared)) {
    try {
      await promisify(execFile)(process.execPath, [join(root, "scripts/pack.ts"), tarballs]);
    } finally {
      writeFileSync(ended, "");
    }
  }
  for (const deadline = performance.now() + PACKED_MAX_MS; !existsSync(ended); await sleep(POLL_MS))
    if (performance.now() > deadline) throw new Error("the packages were not packed in time");
  cpSync(tarballs, folder, { recursive: true });
}

function isFirst(shared: string): boolean {
  try {
    mkdirSync(join(shared, "begun"));
    return true;
  } catch {
    return false;
  }
}
