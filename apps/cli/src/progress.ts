import { PROGRESS_AFTER_MS, PROGRESS_EVERY_MS } from "./limits.ts";
import { own, type Shown } from "./shown.ts";
import { canShowStatus, showStatus } from "./terminal.ts";

/** Says how far a command is. */
export interface Progress {
  /** What it does now, on one line. The line before it is forgotten. */
  tell(what: Shown): void;
}

/** Says nothing. */
const SILENT: Progress = { tell() {} };

/**
 * Does work that may take long, and shows meanwhile how far it is.
 *
 * 1. Nothing is shown unless notes go to a terminal, and nothing with `--json`.
 * 2. Work that takes less than a second shows nothing: a line that comes and goes is noise.
 * 3. The line goes away with the end of the work, and before anything else is printed.
 */
export async function withProgress<T>(asJson: true | undefined, work: (progress: Progress) => Promise<T>): Promise<T> {
  if (asJson === true || !canShowStatus()) return work(SILENT); // 1.
  const since = performance.now();
  let what: Shown | null = null;
  const draw = (): void => {
    const elapsedMs = performance.now() - since;
    if (what === null || elapsedMs < PROGRESS_AFTER_MS) return; // 2.
    showStatus(own`${what} (${(elapsedMs / 1000).toFixed(0)} s)`);
  };
  const timer = setInterval(draw, PROGRESS_EVERY_MS);
  try {
    return await work({
      tell(next) {
        what = next;
        draw();
      },
    });
  } finally {
    clearInterval(timer);
    showStatus(null); // 3.
  }
}
