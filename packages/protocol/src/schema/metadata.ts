import { METADATA_BYTES_MAX } from "../limits.ts";
import { utf8Length } from "../utf8-length.ts";
import { jsonObjectSchema } from "./json.ts";

/** What a client notes about its run or thread. It stands in every list, so it is small. */
export const metadataSchema = jsonObjectSchema.refine(
  (value) => utf8Length(JSON.stringify(value)) <= METADATA_BYTES_MAX,
  `must have at most ${METADATA_BYTES_MAX} bytes as JSON; keep what is larger elsewhere, and its address here`,
);
