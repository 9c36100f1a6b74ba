import type { GatewayTrouble } from "@hsafa/protocol";
import { isoTime } from "../core/iso-time.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";

/** The last troubles that were logged, for people who read no logs. Their fields may name tenants, and stay there. */
export class Troubles {
  readonly #kept: GatewayTrouble[] = [];
  readonly #clock: Pick<Clock, "now">;
  readonly #most: number;

  constructor({ clock, most }: { readonly clock: Pick<Clock, "now">; readonly most: number }) {
    this.#clock = clock;
    this.#most = most;
  }

  /** The last ones, newest first. */
  get last(): readonly GatewayTrouble[] {
    return this.#kept.toReversed();
  }

  /** Returns a log that hands everything on, and from which troubles are kept. */
  of(log: Log): Log {
    return {
      debug: (fields, message) => log.debug(fields, message),
      info: (fields, message) => log.info(fields, message),
      warn: (fields, message) => {
        this.#keep("warn", message);
        log.warn(fields, message);
      },
      error: (fields, message) => {
        this.#keep("error", message);
        log.error(fields, message);
      },
    };
  }

  #keep(level: GatewayTrouble["level"], message: string): void {
    this.#kept.push({ at: isoTime(this.#clock.now()), level, message });
    if (this.#kept.length > this.#most) this.#kept.shift();
  }
}
