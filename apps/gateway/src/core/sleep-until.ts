import { type JsonValue, SLEEP_MS_MAX } from "@hsafa/protocol";
import { isoTime } from "./iso-time.ts";

/** When a sleep ends, in ms; or why there is none, for the model. */
export type SleepUntil =
  | { readonly kind: "until"; readonly at: number }
  | { readonly kind: "refused"; readonly message: string };

/** A time that names its offset, in one of the forms that every reader of ISO 8601 takes. */
const TIME_WITH_OFFSET = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** When a sleep with these arguments ends that begins at `now`, in ms. A model does not know the time: it is told. */
export function sleepUntil(args: JsonValue, now: number): SleepUntil {
  const refused = (what: string): SleepUntil => ({
    kind: "refused",
    message: `${what} It is ${isoTime(now)} now. Call the tool again with one of both: 'untilISO', or 'durationMs'.`,
  });
  const { untilISO, durationMs } = typeof args === "object" && args !== null && !Array.isArray(args) ? args : {};
  if ((untilISO === undefined) === (durationMs === undefined))
    return refused(untilISO === undefined ? "It says neither when nor how long." : "It says both when and how long.");
  if (durationMs !== undefined) {
    if (typeof durationMs !== "number" || !Number.isInteger(durationMs) || durationMs < 1)
      return refused("'durationMs' is no whole number of milliseconds, 1 or more.");
    return durationMs > SLEEP_MS_MAX ? refused(TOO_LONG) : { kind: "until", at: now + durationMs };
  }
  const at = typeof untilISO === "string" && TIME_WITH_OFFSET.test(untilISO) ? Date.parse(untilISO) : Number.NaN;
  if (Number.isNaN(at)) return refused("'untilISO' is no time with an offset, such as 2027-01-31T09:00:00Z.");
  if (at <= now) return refused("That time is past.");
  return at > now + SLEEP_MS_MAX ? refused(TOO_LONG) : { kind: "until", at };
}

const TOO_LONG = "That is more than a year: a run sleeps for 365 days at most.";
