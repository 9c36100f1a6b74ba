/**
 * Tells a run that is in trouble by itself from a store that is away. Its statements are refused, while those of others
 * are answered. What it asks for may be too much, and would be refused for ever.
 *
 * 1. If other runs are refused as well, only an answer to one of them shows that the store works for others.
 * 2. If none is, nobody else may have asked. Then the answer to a claim shows it.
 * 3. Claims, renewals and heartbeats ask for little. If one of them found the store away since then, the store comes
 *    and goes, and an answer shows nothing.
 */
import type { StoreContact } from "./store-contact.ts";

export class AnsweredRuns {
  readonly #contact: Pick<StoreContact, "hasMissedSince">;
  /** The two runs that were answered last, the latest first, and when, by the monotonic clock. */
  #answered: readonly { readonly runId: string; readonly at: number }[] = [];
  #claimAnsweredAt = Number.NEGATIVE_INFINITY;
  /** Runs held here whose last statement was refused. */
  readonly #refused = new Set<string>();

  constructor(contact: Pick<StoreContact, "hasMissedSince">) {
    this.#contact = contact;
  }

  answered(runId: string, at: number): void {
    this.#refused.delete(runId);
    this.#answered = [{ runId, at }, ...this.#answered.filter((other) => other.runId !== runId)].slice(0, 2);
  }

  claimAnswered(at: number): void {
    this.#claimAnsweredAt = at;
  }

  refused(runId: string): void {
    this.#refused.add(runId);
  }

  /** The run asks for nothing any more. */
  letGo(runId: string): void {
    this.#refused.delete(runId);
  }

  /** Whether the store has answered others than this run since then. */
  wereOthers(runId: string, since: number): boolean {
    if (this.#contact.hasMissedSince(since)) return false; // 3.
    const other = this.#answered.find((one) => one.runId !== runId);
    if (other !== undefined && other.at >= since) return true; // 1.
    const isAlone = this.#refused.size === 0 || (this.#refused.size === 1 && this.#refused.has(runId));
    return isAlone && this.#claimAnsweredAt >= since; // 2.
  }
}
