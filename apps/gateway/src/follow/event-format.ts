/** An event as a format gets it. */
export interface FormattableEvent {
  /** Its position as it travels. Null for an event that has none: a client's position stays what it was. */
  readonly id: string | null;
  /** The event as UTF-8 JSON text on one line, as `PROTOCOL.md` defines it. */
  readonly json: Buffer;
}

/**
 * How events travel to one kind of watcher. The edge gives a format with each sink; following knows none.
 *
 * 1. The same event is always the same bytes. A watcher that was cut within an event gets its rest from another read.
 * 2. Each event is complete by itself, so that watchers of one format share its bytes, wherever they begin.
 *
 * `docs/decisions/2026-11-28-event-formats.md` says how a format with state per watcher would fit.
 */
export interface EventFormat {
  /** Returns the event's bytes: `json` itself, or a buffer of their own. It is called once per event that is kept. */
  encode(event: FormattableEvent): Buffer;
}
