import type { Run } from "@hsafa/protocol";

/** Runs as a list shows them. */
export interface ListedRuns {
  /** Newest first. */
  readonly shown: readonly Run[];
  /** Newer ones, which wait so that nothing moves while somebody reads. */
  readonly arrived: readonly Run[];
}

/**
 * Merges what a list shows with the newest page.
 *
 * 1. A run that is shown stays where it is, and gets its newest state.
 * 2. One that is newer than all of them has arrived. Ids tell, since they are in the order of their making.
 */
export function mergeRuns(shown: readonly Run[], newest: readonly Run[]): ListedRuns {
  const states = new Map(newest.map((run) => [run.id, run]));
  const [first] = shown;
  return {
    shown: shown.map((run) => newerOf(run, states.get(run.id))), // 1.
    arrived: first === undefined ? newest : newest.filter(({ id }) => id > first.id), // 2.
  };
}

/** A page that was read earlier may come later. */
function newerOf(known: Run, other: Run | undefined): Run {
  if (other === undefined || known.completedAt !== null) return known;
  return other;
}
