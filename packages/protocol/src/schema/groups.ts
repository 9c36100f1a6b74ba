import { z } from "zod";
import { GROUP_NAME_CHARACTERS_MAX, GROUPS_MAX } from "../limits.ts";

/** The groups that a credential has, or that a config names. */
export const groupsSchema = z
  .array(
    z
      .string()
      .min(1)
      .max(GROUP_NAME_CHARACTERS_MAX)
      .regex(/^[\x21-\x7e]+$/, "must be printable ASCII without spaces"),
  )
  .max(GROUPS_MAX);
