import type { ServerResponse } from "node:http";
import { ANSWER_STALL_MS, ANSWERS_UNSENT_BYTES_MAX } from "../limits.ts";

/** An answer that was written, and has not left this process yet. */
interface Answer {
  readonly response: ServerResponse;
  readonly bytes: number;
}

/** Whose answers they are, oldest first, and their bytes. */
interface Owned {
  readonly answers: Set<Answer>;
  bytes: number;
}

/**
 * The answers of one gateway that are on their way to clients. Streams are not among them, since they have bounds of
 * their own.
 *
 * 1. An answer of which nothing leaves for `ANSWER_STALL_MS` is cut with its connection.
 * 2. All of them have `ANSWERS_UNSENT_BYTES_MAX` bytes at most. Beyond that, answers of the tenant that has the most
 *    bytes are cut, the oldest first. So a tenant whose clients do not read cuts no other tenant's answers.
 */
export class UnsentAnswers {
  readonly #bytesMax: number;
  readonly #stallMs: number;
  readonly #owners = new Map<string, Owned>();
  #bytes = 0;

  constructor({ bytesMax = ANSWERS_UNSENT_BYTES_MAX, stallMs = ANSWER_STALL_MS } = {}) {
    this.#bytesMax = bytesMax;
    this.#stallMs = stallMs;
  }

  /** Of all answers that are on their way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** An answer of so many bytes is about to be written. `owner`: the tenant that asked. */
  add({ response, owner, bytes }: Answer & { readonly owner: string }): void {
    const { socket } = response;
    if (socket === null || socket.destroyed) return;
    // 1. Node looks whether bytes have left, and destroys the socket. It sets another time once the answer has left.
    socket.setTimeout(this.#stallMs);
    const answer: Answer = { response, bytes };
    const owned = this.#owners.get(owner) ?? { answers: new Set(), bytes: 0 };
    this.#owners.set(owner, owned);
    owned.answers.add(answer);
    owned.bytes += bytes;
    this.#bytes += bytes;
    response.once("close", () => this.#remove(owner, owned, answer));
    while (this.#bytes > this.#bytesMax && this.#cutOne()); // 2.
  }

  #cutOne(): boolean {
    const [owner, owned] = [...this.#owners].reduce((most, next) => (next[1].bytes > most[1].bytes ? next : most));
    const [oldest] = owned.answers;
    if (oldest === undefined) return false;
    this.#remove(owner, owned, oldest);
    oldest.response.destroy();
    return true;
  }

  #remove(owner: string, owned: Owned, answer: Answer): void {
    if (!owned.answers.delete(answer)) return;
    owned.bytes -= answer.bytes;
    this.#bytes -= answer.bytes;
    if (owned.answers.size === 0) this.#owners.delete(owner);
  }
}
