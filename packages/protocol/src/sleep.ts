import type { JsonObject } from "./json.ts";
import { SLEEP_MS_MAX } from "./limits.ts";

/** The arguments of a tool of type `sleep`: exactly one of both. */
export type SleepArgs =
  | { readonly untilISO: string; readonly durationMs?: undefined }
  | { readonly durationMs: number; readonly untilISO?: undefined };

/** The result of a sleep. */
export interface SleepResult {
  /** When the run woke: ISO 8601, UTC. */
  readonly wokeAt: string;
}

/** What the model reads about a tool of type `sleep` that describes nothing itself. */
export const SLEEP_DESCRIPTION =
  "Sleeps until a time, or for a while, and then goes on. Costs nothing meanwhile. The result is the time at waking.";

/** The schema of the arguments of every tool of type `sleep`. That it is one of both is checked when it is called. */
export const SLEEP_INPUT_SCHEMA = {
  type: "object",
  properties: {
    untilISO: {
      type: "string",
      description:
        "When to wake, with an offset, such as 2027-01-31T09:00:00Z: a year from now at most. Or durationMs.",
    },
    durationMs: {
      type: "integer",
      minimum: 1,
      maximum: SLEEP_MS_MAX,
      description: "How long to sleep, in milliseconds. Or untilISO.",
    },
  },
  additionalProperties: false,
} as const satisfies JsonObject;
