import type { Report } from "../report.ts";

/** How much the measurements fill in, where that is worth an option. */
export interface Sizes {
  /** Runs of one tenant beside which lists are read. */
  readonly listedRuns: number;
}

/** One thing that the benchmark measures. */
export interface Measurement {
  readonly name: string;
  /** One line for `--list`. */
  readonly does: string;
  /** It takes long, so it is done only where `--only` names it. */
  readonly isLong?: true;
  /** Measures on services and processes of its own, so that none finds what another one left. Ends them all. */
  measure(sizes: Sizes): Promise<readonly Report[]>;
}
