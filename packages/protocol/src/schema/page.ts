import { z } from "zod";
import { CURSOR_CHARACTERS_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX } from "../limits.ts";

/** The query of any list. */
export const listQuerySchema = z.object({
  limit: z.coerce.number().int().min(1).max(PAGE_ITEMS_MAX).default(PAGE_ITEMS_DEFAULT),
  cursor: z.string().max(CURSOR_CHARACTERS_MAX).optional(),
});

/** Returns the schema of one page of a list of such items. */
export function pageSchema<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), nextCursor: z.string().nullable() });
}
