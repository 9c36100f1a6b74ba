import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter } from "vitest/node";

/** The counts of a run of the tests. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** Skipped tests by file. */
  skippedByFile: Record<string, number>;
}

/** Returns a Vitest reporter. It writes the tally of a run into the file `HSAFA_TEST_TALLY`, for `scripts/test.ts`. */
export default function tallyReporter(): Reporter {
  return {
    onTestRunEnd(testModules, unhandledErrors) {
      const file = process.env["HSAFA_TEST_TALLY"];
      if (file === undefined) return;
      // An error outside of all tests, and a file that did not load, are failures that no test counts.
      const tally: Tally = { passed: 0, failed: unhandledErrors.length, skipped: 0, skippedByFile: {} };
      for (const testModule of testModules) {
        const states = [...testModule.children.allTests()].map((test) => test.result().state);
        const count = (...wanted: string[]): number => states.filter((state) => wanted.includes(state)).length;
        const skipped = count("skipped");
        tally.passed += count("passed");
        tally.skipped += skipped;
        // A pending test did not run, because the run was aborted.
        tally.failed += Math.max(count("failed", "pending"), testModule.ok() ? 0 : 1);
        if (skipped > 0) tally.skippedByFile[relative(process.cwd(), testModule.moduleId)] = skipped;
      }
      writeFileSync(file, JSON.stringify(tally));
    },
  };
}
