import type { SoakWorld } from "./soak-world.ts";

/** Something that clients of a gateway do. It leaves nothing open. */
export interface Turn {
  readonly name: string;
  /** How often it is chosen, compared with the others. */
  readonly weight: number;
  /** Rejects if a gateway did not do what it must. */
  play(world: SoakWorld): Promise<void>;
}

/** Rejects with what was wrong, if it is. */
export function must(isSo: boolean, what: string): asserts isSo {
  if (!isSo) throw new Error(what);
}
