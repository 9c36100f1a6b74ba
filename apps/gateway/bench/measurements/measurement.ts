import type { Report } from "../report.ts";
import type { Systems } from "../systems.ts";

/** One thing that the benchmark measures. */
export interface Measurement {
  readonly name: string;
  /** One line for `--list`. */
  readonly does: string;
  /** Measures on systems that nothing else uses meanwhile. */
  measure(systems: Systems): Promise<readonly Report[]>;
}
