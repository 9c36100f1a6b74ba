import type { Place, Position } from "@hsafa/protocol";

/** Where a run stands, and in which generation of the store. */
export interface RunStanding {
  readonly lastSeq: number;
  /** The last fact that it had when the generation began, or an earlier one; null: it was not open then. */
  readonly keptSeq: number | null;
  readonly generation: {
    readonly tag: string;
    readonly formerTags: readonly string[];
    /** Whether the server may lack the last commits of the one before. */
    readonly wasReplaced: boolean;
  };
}

/** How a reader goes on that has everything up to a place. */
export type Resumption =
  /** With what follows this position. */
  | { readonly kind: "resume"; readonly after: Position }
  /** With the first event: the place is of a history that the store has lost, or may be. */
  | { readonly kind: "rewind" }
  /** The run has never come so far. */
  | { readonly kind: "beyond" };

/**
 * The rule by which a position is compared with a run.
 *
 * 1. A position of the present generation means what it says.
 * 2. One of a former generation means the same up to what the run had when the present one began. A run that was not
 *    open then had ended before, or has begun since: nothing of it was lost.
 * 3. Any other may be of a history that went another way. Its number alone does not tell.
 * 4. One above the last fact was never given out, unless the server was replaced by one that lacked it.
 */
export function resumePlace({ position, generation }: Place, run: RunStanding): Resumption {
  const { tag, formerTags, wasReplaced } = run.generation;
  if (position.seq === 0) return { kind: "resume", after: position };
  if (generation === tag) {
    if (position.seq <= run.lastSeq) return { kind: "resume", after: position }; // 1.
    return { kind: wasReplaced ? "rewind" : "beyond" }; // 4.
  }
  const isCommon = formerTags.includes(generation) && position.seq <= Math.min(run.keptSeq ?? run.lastSeq, run.lastSeq);
  return isCommon ? { kind: "resume", after: position } : { kind: "rewind" }; // 2. 3.
}
