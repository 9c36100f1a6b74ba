import type { Clock } from "../ports/clock.ts";
import { FOLLOW_LINGER_MS, FOLLOW_LINGERING_MAX } from "./limits.ts";
import type { RunFollower } from "./run-follower.ts";

/**
 * Followers without watchers. An EventSource that was cut comes back within seconds: until then the run stays followed.
 * At most `FOLLOW_LINGERING_MAX` linger (R9); beyond them the one that was left first is let go.
 */
export class LingeringFollowers {
  readonly #clock: Pick<Clock, "after">;
  readonly #letGo: (follower: RunFollower) => void;
  /** In the order in which they were left, each with how to cancel its end. */
  readonly #lingering = new Map<RunFollower, () => void>();

  constructor(clock: Pick<Clock, "after">, letGo: (follower: RunFollower) => void) {
    this.#clock = clock;
    this.#letGo = letGo;
  }

  /** Lets a follower go after `FOLLOW_LINGER_MS`, unless it is kept before. */
  add(follower: RunFollower): void {
    this.#lingering.set(
      follower,
      this.#clock.after(FOLLOW_LINGER_MS, () => this.#end(follower)),
    );
    const [first] = this.#lingering.keys();
    if (this.#lingering.size > FOLLOW_LINGERING_MAX && first !== undefined) this.#end(first);
  }

  /** The follower lingers no more: it has a watcher again, or it ends. */
  keep(follower: RunFollower): void {
    this.#lingering.get(follower)?.();
    this.#lingering.delete(follower);
  }

  #end(follower: RunFollower): void {
    this.keep(follower);
    this.#letGo(follower);
  }
}
