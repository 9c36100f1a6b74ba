import { z } from "zod";
import { SUBJECT_CHARACTERS_MAX } from "../limits.ts";

/** A user of a tenant, in words of the tenant's own. */
export const subjectSchema = z
  .string()
  .regex(
    new RegExp(`^[\\x21-\\x7e]{1,${SUBJECT_CHARACTERS_MAX}}$`),
    `must be 1 to ${SUBJECT_CHARACTERS_MAX} visible ASCII characters`,
  );
