import { z } from "zod";
import { parsePlace } from "../position.ts";

/** The `id` of an event, as in `Last-Event-ID`: `7-2`, or `7-2.1f0c9a3e` in a later generation of the store. */
export const positionTextSchema = z
  .string()
  .refine((text) => parsePlace(text) !== null, "must be '<seq>-<sub>', or '<seq>-<sub>.<generation>'");
