/**
 * One history of the store. A restore or a failover may lose what was committed. Then another generation begins, so
 * that a position of the lost history is never taken for one of the present history.
 */
export interface Generation {
  /**
   * Names it in positions, and in the keys of the live log. The first generation's is empty; no other two are alike.
   */
  readonly tag: string;
  /** Of former generations in which a position up to a run's `keptSeq` means the same. */
  readonly formerTags: readonly string[];
  /** Whether the server was replaced in it, so that it may lack the last commits of the one before. */
  readonly wasReplaced: boolean;
}

/** The generation of a store that never lost anything. */
export const FIRST_GENERATION: Generation = { tag: "", formerTags: [], wasReplaced: false };

/** What tells a gateway whether the store has gone back in time. */
export interface StoreSigns {
  readonly generation: Generation;
  /** Whether the server was judged since it started. Until then no run is claimed. */
  readonly isJudged: boolean;
  /** How far the server's log is on disk, in bytes; null: it does not say. It never falls but by a restore. */
  readonly written: number | null;
}
