/** Vitest's global setup: the folder in which the test files of one run share their tarballs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export default function setUp(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-packed-"));
  process.env["HSAFA_TEST_PACKED"] = folder;
  return () => rmSync(folder, { recursive: true });
}
