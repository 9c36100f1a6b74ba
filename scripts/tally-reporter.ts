import { writeFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter } from "vitest/node";

/** What a run of the tests came to. */
export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  /** How many tests each file left out. */
  skippedByFile: Record<string, number>;
}

/**
 * Vitest's reporter that writes the tally of a run into the file that `HSAFA_TEST_TALLY` names, for `scripts/test.ts`
 * to read.
 */
export default function tallyReporter(): Reporter {
  return {
    onTestRunEnd(testModules, unhandledErrors) {
      const file = process.env["HSAFA_TEST_TALLY"];
      if (file === undefined) return;
      // An error outside of every test, or a file that could not be loaded, is a failure that no test would count.
      const tally: Tally = { passed: 0, failed: unhandledErrors.length, skipped: 0, skippedByFile: {} };
      for (const testModule of testModules) {
        const states = [...testModule.children.allTests()].map((test) => test.result().state);
        const count = (...wanted: string[]): number => states.filter((state) => wanted.includes(state)).length;
        const skipped = count("skipped");
        tally.passed += count("passed");
        tally.skipped += skipped;
        // A pending test is one that the run was broken off before.
        tally.failed += Math.max(count("failed", "pending"), testModule.ok() ? 0 : 1);
        if (skipped > 0) tally.skippedByFile[relative(process.cwd(), testModule.moduleId)] = skipped;
      }
      writeFileSync(file, JSON.stringify(tally));
    },
  };
}
