/**
 * `npm test`: runs the suites that share a machine, or those of their files whose path contains a given word.
 * `npm run test:alone` runs the others, each with the machine to itself.
 *
 * The last line is `N passed, N failed`, with `, N skipped` where it applies. It fails if a test failed, if something
 * outside of the tests failed, or if nothing ran.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tally } from "./tally-reporter.ts";

const folder = mkdtempSync(join(tmpdir(), "hsafa-tally-"));
const tallyFile = join(folder, "tally.json");
const vitest = join(createRequire(import.meta.url).resolve("vitest/package.json"), "../vitest.mjs");
const reporters = ["--reporter=default", "--reporter=./scripts/tally-reporter.ts"];

const asked = process.argv.slice(2);
const shared = ["unit", "contract", "e2e"].flatMap((project) => ["--project", project]);
const suites = asked.includes("--project") ? [] : shared;

const child = spawn(process.execPath, [vitest, "run", ...reporters, ...suites, ...asked], {
  stdio: ["ignore", "inherit", "inherit"],
  // Tests start many programs, which find their modules compiled.
  env: { ...process.env, HSAFA_TEST_TALLY: tallyFile, NODE_COMPILE_CACHE: join(folder, "compiled") },
});
// Vitest acts on a signal to this process, and then writes the tally of what had run.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
const exit: unknown[] = await once(child, "exit");
const ended = exit[0] === 0;

const tally = readTally();
rmSync(folder, { recursive: true });
for (const [file, count] of Object.entries(tally.skippedByFile)) {
  console.log(`SKIPPED: ${count} in ${file} (the output above says why)`);
}
// Vitest may fail without a failed test: a broken configuration, a server that does not start.
const failed = tally.failed === 0 && !ended ? 1 : tally.failed;
const skipped = tally.skipped === 0 ? "" : `, ${tally.skipped} skipped`;
console.log(`${tally.passed} passed, ${failed} failed${skipped}`);
process.exitCode = failed > 0 || tally.passed === 0 ? 1 : 0;

function readTally(): Tally {
  try {
    return JSON.parse(readFileSync(tallyFile, "utf8")) as Tally;
  } catch {
    // Vitest ended before it wrote the tally.
    return { passed: 0, failed: 0, skipped: 0, skippedByFile: {} };
  }
}
