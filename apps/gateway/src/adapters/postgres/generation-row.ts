import type { Generation } from "../../ports/generation.ts";

/** The columns of `store_state` that say which generation it is. */
export interface GenerationRow {
  readonly tag: string;
  readonly former_tags: readonly string[];
  readonly was_replaced: boolean;
}

/** SQL: these columns. */
export const GENERATION_COLUMNS = "tag, former_tags, was_replaced";

export function generationOf(row: GenerationRow): Generation {
  return { tag: row.tag, formerTags: row.former_tags, wasReplaced: row.was_replaced };
}
