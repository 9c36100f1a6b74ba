import { z } from "zod";
import { isId } from "../ids.ts";
import {
  AGENT_NAME_CHARACTERS_MAX,
  CALL_ID_CHARACTERS_MAX,
  DEVICE_KEY_CHARACTERS_MAX,
  TOOL_NAME_CHARACTERS_MAX,
} from "../limits.ts";

/** An id that hsafa gave out: a UUIDv7 (RFC 9562), unique without coordination and ordered by time in an index. */
export const idSchema = z.uuidv7();

/**
 * A tool call as others name it. Any short text is accepted, so that a wrong one is refused as unknown rather than as
 * malformed.
 */
export const callIdSchema = z.string().min(1).max(CALL_ID_CHARACTERS_MAX);

/**
 * A name that people choose: letters, digits, `_`, `.`, `-`. It never has the shape of an id, so `:idOrName` is
 * unambiguous.
 */
export const agentNameSchema = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,${AGENT_NAME_CHARACTERS_MAX - 1}}$`),
    `must be 1 to ${AGENT_NAME_CHARACTERS_MAX} letters, digits, '_', '.' or '-', and begin with a letter or digit`,
  )
  .refine((name) => !isId(name), "must not look like an id");

/** An agent by its id or its name. */
export const idOrNameSchema = z.union([idSchema, agentNameSchema]);

/** A tool's name, in the characters that every provider accepts. */
export const toolNameSchema = z
  .string()
  .regex(
    new RegExp(`^[A-Za-z_][A-Za-z0-9_-]{0,${TOOL_NAME_CHARACTERS_MAX - 1}}$`),
    `must be 1 to ${TOOL_NAME_CHARACTERS_MAX} letters, digits, '_' or '-', and begin with a letter or '_'`,
  );

/** A device's own name for itself, unique in its tenant. A browser makes one per tab. */
export const deviceKeySchema = z
  .string()
  .regex(
    new RegExp(`^[\\x21-\\x7e]{1,${DEVICE_KEY_CHARACTERS_MAX}}$`),
    `must be 1 to ${DEVICE_KEY_CHARACTERS_MAX} visible ASCII characters`,
  );
