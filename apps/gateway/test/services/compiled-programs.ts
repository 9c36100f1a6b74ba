/**
 * Vitest's global setup for the projects that start programs. A gateway from its sources spends most of its start on
 * compiling them, and a run of all tests starts some hundred programs. So what is compiled is kept on disk, by the hash
 * of each source (`NODE_COMPILE_CACHE`). The first run begins with one program, so that the others find it there.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../../../..");

export default async function setUp(): Promise<void> {
  if (process.env["NODE_COMPILE_CACHE"] !== undefined) return;
  process.env["NODE_COMPILE_CACHE"] = join(root, "node_modules/.cache/hsafa-programs");
  const gateway = join(root, "apps/gateway/src/gateway.ts");
  await promisify(execFile)(process.execPath, ["--eval", `import(${JSON.stringify(gateway)})`]);
}
