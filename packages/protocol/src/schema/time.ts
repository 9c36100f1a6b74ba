import { z } from "zod";

/** A time: ISO 8601, UTC. */
export const timeSchema = z.iso.datetime();
