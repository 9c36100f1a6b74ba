import { z } from "zod";

/** Every id hsafa gives out is a UUIDv7 (RFC 9562): unique without asking anyone, and ordered by time in an index. */
export const idSchema = z.uuidv7();

/** Whether a text has the shape of an id; one that has not names nothing, and is answered like a missing one. */
export function isId(text: string): boolean {
  return idSchema.safeParse(text).success;
}

/**
 * A tool call as others name it: any short text, so that a wrong one is answered as unknown rather than as malformed.
 */
export const callIdSchema = z.string().min(1).max(200);

/**
 * A name people choose: letters, digits, `_`, `.`, `-`; never shaped like an id, so that `:idOrName` is unambiguous.
 */
export const agentNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/,
    "must be 1 to 100 letters, digits, '_', '.' or '-', and begin with a letter or digit",
  )
  .refine((name) => !idSchema.safeParse(name).success, "must not look like an id");

/** A tool's name, in the characters every provider accepts. */
export const toolNameSchema = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/,
    "must be 1 to 64 letters, digits, '_' or '-', and begin with a letter or '_'",
  );

/** A device's own name for itself, unique in its tenant; a browser makes one per tab. */
export const deviceKeySchema = z.string().regex(/^[\x21-\x7e]{1,200}$/, "must be 1 to 200 visible ASCII characters");
