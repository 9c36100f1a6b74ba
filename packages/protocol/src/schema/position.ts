import { z } from "zod";
import { parsePosition } from "../position.ts";

/** A position as it travels: `7-2`, as in `Last-Event-ID`. */
export const positionTextSchema = z.string().refine((text) => parsePosition(text) !== null, "must be '<seq>-<sub>'");
