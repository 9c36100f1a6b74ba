/** Why a session ended that a later registration of the same device ended. It is kept with the session. */
export const SESSION_REPLACED = "replaced";

/** Where a session stands among those of its device. */
export type SessionStanding =
  /** It is open: it is the device's own. */
  | "open"
  /** Another connection registered, and the device was heard on it since. It took over. */
  | "taken_over"
  /**
   * Another connection registered, and nothing was heard on it since. It may be a living one that is about to take
   * over. It may also be an older one whose registration came late, and which the device has left.
   */
  | "contested"
  /**
   * It ended otherwise, or what replaced it is gone too: the device has no other connection. So it is with a device
   * that the store has lost, as in a restore: it registers anew.
   */
  | "ended"
  /** The device was deleted. */
  | "device_deleted";

/** What the judgement reads of a session. `null` for a time that has not come. */
export interface StandingRow {
  readonly id: string;
  readonly confirmedAt: number | null;
  readonly disconnectedAt: number | null;
  readonly reason: string | null;
}

/**
 * Judges a session of a device that exists. Pure. `own` is the session asked about; null: there is none with its id.
 * `open` is the one open session that the device has, if any.
 */
export function sessionStanding({
  own,
  open,
}: {
  readonly own: StandingRow | null;
  readonly open: StandingRow | null;
}): SessionStanding {
  if (own?.disconnectedAt === null) return "open";
  if (own?.reason !== SESSION_REPLACED || open === null) return "ended";
  return open.confirmedAt === null ? "contested" : "taken_over";
}
