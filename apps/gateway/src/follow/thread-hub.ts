import { Places } from "../access/places.ts";
import type { Principal } from "../access/principal.ts";
import type { Refusal } from "../access/refusal.ts";
import type { TenantId } from "../core/tenant-id.ts";
import type { Bell, Ring } from "../ports/bell.ts";
import type { Clock } from "../ports/clock.ts";
import type { FleetStore } from "../ports/fleet-store.ts";
import type { Log } from "../ports/log.ts";
import { Recurring } from "../runtime/recurring.ts";
import { FOLLOW_RETRY, THREAD_FOLLOWERS_MAX, THREADS_COMPARED_EVERY_MS, THREADS_PER_READ_MAX } from "./limits.ts";

/** A thread that somebody follows. */
interface FollowedThread {
  readonly id: string;
  /** What a ring may call it: its id and its own key, each with its tenant. */
  readonly names: readonly string[];
  readonly listeners: Set<(runId: string | null) => void>;
  /** The newest run that was told; null: none yet. */
  newest: string | null;
}

/**
 * Tells clients which run of a thread is the newest.
 *
 * 1. The store says which run that is. A ring says only where to look, and may be lost. So the store is asked every
 *    `THREADS_COMPARED_EVERY_MS` as well.
 * 2. However many follow a thread, it is read once.
 * 3. A listener is told of a run once in a row. Of several that begin between two reads it is told the last.
 * 4. At most one read is in flight. What is asked for meanwhile is read after it.
 * 5. Tenants and principals share the places of those who follow.
 * 6. When the thread is gone, each listener is told so once, and follows nothing any more.
 */
export class ThreadHub {
  readonly #fleet: Pick<FleetStore, "readNewestRuns">;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #threads = new Map<string, FollowedThread>();
  /** Followed threads, by what a ring may call them. */
  readonly #named = new Map<string, Set<FollowedThread>>();
  readonly #due = new Set<FollowedThread>();
  readonly #places: Places;
  readonly #reads: Recurring;
  readonly #stopListening: () => void;
  #comparedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: {
    readonly fleet: Pick<FleetStore, "readNewestRuns">;
    readonly bell: Pick<Bell, "listen">;
    readonly clock: Clock;
    readonly log: Log;
    /** Instead of `THREAD_FOLLOWERS_MAX`. */
    readonly followersMax?: number;
  }) {
    const { fleet, bell, clock, log, followersMax = THREAD_FOLLOWERS_MAX } = deps;
    this.#places = new Places({ placesMax: followersMax, what: "followers of threads" });
    this.#fleet = fleet;
    this.#clock = clock;
    const name = "read the newest runs of threads";
    this.#reads = new Recurring({ name, tick: () => this.#read(), retry: FOLLOW_RETRY, clock, log });
    this.#reads.start(null);
    this.#stopListening = bell.listen((ring) => this.#hear(ring));
  }

  /** Why this principal can follow no further thread here now, or null (5). */
  refusal(principal: Principal): Refusal | null {
    return this.#places.refusal(principal);
  }

  /**
   * Calls `tell` with the newest run of a thread, if it has one, and with each that follows. Null is the last, if the
   * thread is gone. That ends when the
   * returned function is called. The principal may see the thread, and `refusal` has let it in.
   */
  follow(
    principal: Principal,
    { id, key }: { readonly id: string; readonly key: string | null },
    tell: (runId: string | null) => void,
  ): () => void {
    const leave = this.#places.enter(principal);
    const known = this.#threads.get(id);
    const names = (key === null ? [id] : [id, key]).map((name) => nameOf(principal.tenantId, name));
    const thread = known ?? { id, names, listeners: new Set(), newest: null };
    if (known === undefined) this.#add(thread);
    const listener = (runId: string | null): void => tell(runId);
    thread.listeners.add(listener);
    if (thread.newest !== null) listener(thread.newest);
    this.#due.add(thread);
    this.#reads.request();
    return () => {
      leave();
      thread.listeners.delete(listener);
      if (thread.listeners.size === 0) this.#remove(thread);
    };
  }

  /** Resolves when no read is in flight any more. Nobody is told anything afterwards. */
  async close(): Promise<void> {
    this.#stopListening();
    this.#threads.clear();
    await this.#reads.stop();
  }

  #add(thread: FollowedThread): void {
    this.#threads.set(thread.id, thread);
    for (const name of thread.names) this.#named.set(name, (this.#named.get(name) ?? new Set()).add(thread));
  }

  #remove(thread: FollowedThread): void {
    this.#due.delete(thread);
    if (!this.#threads.delete(thread.id)) return;
    for (const name of thread.names) {
      const threads = this.#named.get(name);
      threads?.delete(thread);
      if (threads?.size === 0) this.#named.delete(name);
    }
  }

  #hear(ring: Ring): void {
    if (ring.about !== "thread") return;
    for (const thread of this.#named.get(nameOf(ring.tenantId, ring.idOrKey)) ?? []) this.#due.add(thread);
    if (this.#due.size > 0) this.#reads.request();
  }

  async #read(): Promise<number | null> {
    const now = this.#clock.monotonic();
    if (now - this.#comparedAt >= THREADS_COMPARED_EVERY_MS) {
      this.#comparedAt = now;
      for (const thread of this.#threads.values()) this.#due.add(thread); // 1.
    }
    const due = [...this.#due].slice(0, THREADS_PER_READ_MAX);
    // Before the read: a ring that comes during it counts (4).
    for (const thread of due) this.#due.delete(thread);
    const newest = await this.#newestOf(due);
    for (const thread of due) {
      if (!this.#threads.has(thread.id)) continue;
      const runId = newest.get(thread.id);
      if (runId === undefined) this.#gone(thread); // 6.
      if (runId === undefined || runId === null || runId === thread.newest) continue; // 3.
      thread.newest = runId;
      for (const listener of thread.listeners) listener(runId);
    }
    if (this.#due.size > 0) return 0;
    return this.#threads.size === 0 ? null : THREADS_COMPARED_EVERY_MS;
  }

  #gone(thread: FollowedThread): void {
    const listeners = [...thread.listeners];
    thread.listeners.clear();
    this.#remove(thread);
    for (const listener of listeners) listener(null);
  }

  async #newestOf(due: readonly FollowedThread[]): ReturnType<FleetStore["readNewestRuns"]> {
    try {
      return await this.#fleet.readNewestRuns({ threadIds: due.map(({ id }) => id) });
    } catch (error) {
      this.#comparedAt = Number.NEGATIVE_INFINITY; // Nothing that is due is forgotten.
      throw error;
    }
  }
}

/** An id or key of two tenants is two names. A tenant's id contains no space. */
function nameOf(tenantId: TenantId, idOrKey: string): string {
  return `${tenantId} ${idOrKey}`;
}
