import type { WatchAnswer, WatchMessage } from "@hsafa/protocol";
import { admit, type Requirement } from "../../access/admit.ts";
import type { Authenticate } from "../../access/authenticate.ts";
import type { TakePlace } from "../../access/places.ts";
import type { Principal } from "../../access/principal.ts";
import { findThread } from "../../access/find-thread.ts";
import { type Refusal, refuse } from "../../access/refusal.ts";
import { maySeeRun } from "../../access/run-visibility.ts";
import type { FollowHub, FollowOutcome } from "../../follow/follow-hub.ts";
import { openStream } from "../../follow/open-stream.ts";
import type { ThreadHub } from "../../follow/thread-hub.ts";
import type { Sink, WatcherEnd, WatcherHandle } from "../../follow/sink.ts";
import { type Store, StoreUnavailable } from "../../ports/store.ts";
import { WATCH_TOPICS_PER_SOCKET_MAX, WATCH_UNSENT_BYTES_MAX } from "../limits.ts";
import type { MessageSocket } from "../socket/message-socket.ts";
import type { MessageHandler } from "../socket/socket-protocol.ts";
import { jsonFormat } from "../stream/formats/json.ts";
import { type WaitingWatcher, WriteTurns } from "./write-turns.ts";

export interface WatchConnectionDeps {
  readonly authenticate: Authenticate;
  readonly store: Store;
  readonly hub: FollowHub;
  readonly threads: ThreadHub;
  readonly takePlace: TakePlace;
}

const NO_ROOM = `A connection follows ${WATCH_TOPICS_PER_SOCKET_MAX} runs and threads at most; open another.`;

const WATCHING: Requirement = { scopes: ["runs:read"] };

type Phase =
  | { readonly kind: "stranger" }
  | { readonly kind: "admitted"; readonly principal: Principal }
  | { readonly kind: "ended" };

/**
 * What the messages of one client mean that watches many runs. `MessageSocket` owns the connection, the hub owns
 * following.
 *
 * 1. Messages come one at a time and in order, so an `unsubscribe` never overtakes its `subscribe`.
 * 2. A run or thread is subscribed to at most once on a connection, and `WATCH_TOPICS_PER_SOCKET_MAX` at most.
 * 3. A full socket costs each run one more write at most. Then its watchers wait, and go on in turn (`WriteTurns`).
 * 4. A renewed token may see less (R10): the runs and threads that it does not see are unsubscribed.
 * 5. A store that is away costs the subscription that asked it, not the others of the connection.
 * 6. A socket that takes nothing for one run takes nothing for any: it is cut.
 */
export class WatchConnection implements MessageHandler<WatchMessage> {
  readonly #socket: MessageSocket<WatchMessage, WatchAnswer>;
  readonly #deps: WatchConnectionDeps;
  readonly #runs = new Map<string, WatcherHandle>();
  /** What stops following a thread, by the name that the client gave it. */
  readonly #threads = new Map<string, () => void>();
  readonly #turns: WriteTurns;
  #phase: Phase = { kind: "stranger" };

  constructor(socket: MessageSocket<WatchMessage, WatchAnswer>, deps: WatchConnectionDeps) {
    this.#socket = socket;
    this.#deps = deps;
    this.#turns = new WriteTurns({ isFull: () => socket.isFull, later: setImmediate });
  }

  async handle(message: WatchMessage): Promise<void> {
    const phase = this.#phase;
    switch (phase.kind) {
      case "stranger":
        return message.type === "auth"
          ? this.#authenticate(message.token)
          : this.#socket.fault("The first message must be auth.");
      case "admitted":
        return this.#handleAdmitted(phase.principal, message);
      case "ended":
        return;
      default:
        phase satisfies never;
    }
  }

  /** Something that was sent has left this process. */
  sent(): void {
    this.#turns.progressed();
    if (this.#socket.unsentBytes <= WATCH_UNSENT_BYTES_MAX / 2) this.#turns.next();
  }

  ended(): void {
    this.#phase = { kind: "ended" };
    this.#turns.clear();
    for (const runId of this.#runs.keys()) this.#unsubscribe(runId);
    for (const threadId of this.#threads.keys()) this.#unsubscribeThread(threadId);
  }

  async #handleAdmitted(principal: Principal, message: WatchMessage): Promise<void> {
    switch (message.type) {
      case "auth":
        return this.#socket.fault("This connection is authenticated already; renew with auth.refresh.");
      case "auth.refresh":
        return this.#refresh(principal, message.token);
      case "subscribe":
        if (message.threadId !== undefined) return this.#subscribeThread(principal, message.threadId);
        return this.#subscribe(principal, message.runId ?? "", message.after);
      case "unsubscribe":
        if (message.threadId !== undefined) return this.#unsubscribeThread(message.threadId);
        return this.#unsubscribe(message.runId ?? "");
      case "ping":
        return this.#socket.send({ type: "pong" });
      default:
        message satisfies never;
    }
  }

  async #authenticate(token: string): Promise<void> {
    const admission = await admit(this.#deps, token, WATCHING);
    if (admission.kind === "refused") return this.#socket.refuse(admission);
    const noPlace = this.#deps.takePlace(admission.principal);
    if (noPlace !== null) return this.#socket.refuse(noPlace);
    this.#admit(admission.principal);
  }

  async #refresh({ tenantId }: Principal, token: string): Promise<void> {
    const admission = await admit(this.#deps, token, { ...WATCHING, tenantId });
    if (admission.kind === "refused") return this.#socket.refuse(admission);
    const { principal } = admission;
    this.#admit(principal);
    for (const runId of this.#runs.keys()) {
      if (await maySeeRun(this.#deps, principal, runId)) continue;
      this.#unsubscribe(runId); // 4.
      this.#socket.sendError("not_found", "The new token does not see this run.", runId);
    }
    for (const threadId of this.#threads.keys()) {
      if ((await this.#findThread(principal, threadId)).kind === "found") continue;
      this.#unsubscribeThread(threadId); // 4.
      this.#refuseThread(threadId, refuse("not_found", "The new token does not see this thread."));
    }
  }

  #admit(principal: Principal): void {
    // The connection may have ended while the credential was looked up.
    if (this.#phase.kind === "ended") return;
    this.#phase = { kind: "admitted", principal };
    this.#socket.admit(principal);
    this.#socket.send({ type: "authenticated" });
  }

  async #subscribe(principal: Principal, runId: string, after: string | undefined): Promise<void> {
    if (this.#runs.has(runId)) {
      const detail = "This run is subscribed to already; unsubscribe first to read it from elsewhere.";
      return this.#socket.fault(detail, runId); // 2.
    }
    if (!this.#hasRoom) return this.#socket.sendError("too_many_requests", NO_ROOM, runId); // 2.
    const outcome = await this.#follow(principal, runId, after);
    if (this.#phase.kind === "ended") return;
    switch (outcome.kind) {
      case "refused":
        return this.#socket.sendError(outcome.code, outcome.detail, runId);
      case "at_end":
        this.#socket.send({ type: "subscribed", runId });
        return this.#socket.send({ type: "ended", runId });
      case "following":
        this.#socket.send({ type: "subscribed", runId });
        return this.#watch(runId, outcome.watch);
      default:
        outcome satisfies never;
    }
  }

  async #follow(principal: Principal, runId: string, after: string | undefined): Promise<FollowOutcome> {
    try {
      return await openStream(this.#deps, principal, { runId, after });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return refuse("unavailable", "The store is away; subscribe again."); // 5.
    }
  }

  #watch(runId: string, begin: (sink: Sink) => WatcherHandle): void {
    let watcher: WatcherHandle | null = null;
    let hasClosed = false;
    const waiting: WaitingWatcher = { drained: () => watcher?.drained(), progressed: () => watcher?.progressed() };
    watcher = begin({
      format: jsonFormat,
      isReady: () => {
        if (!this.#socket.isFull) return true;
        this.#turns.wait(waiting); // 3.
        return false;
      },
      write: (batch) => {
        this.#socket.sendBatch(batch.parts);
        return batch.byteLength;
      },
      close: (why) => {
        hasClosed = true;
        this.#turns.remove(waiting);
        if (watcher !== null && this.#runs.get(runId) === watcher) this.#runs.delete(runId);
        this.#closeRun(runId, why);
      },
    });
    // It may have come to its end within the call.
    if (!hasClosed) this.#runs.set(runId, watcher);
  }

  #closeRun(runId: string, why: WatcherEnd): void {
    switch (why) {
      case "ended":
        return this.#socket.send({ type: "ended", runId });
      case "failed": {
        const detail = "Something went wrong here; subscribe again after the last event that you have.";
        return this.#socket.sendError("internal", detail, runId);
      }
      case "generation_changed": {
        const detail = "The store is in another generation; subscribe again after the last event that you have.";
        return this.#socket.sendError("unavailable", detail, runId);
      }
      case "stalled":
        return this.#socket.terminate("stalled"); // 6.
      case "going_away":
        return this.#socket.goAway();
      default:
        why satisfies never;
    }
  }

  get #hasRoom(): boolean {
    return this.#runs.size + this.#threads.size < WATCH_TOPICS_PER_SOCKET_MAX;
  }

  async #subscribeThread(principal: Principal, threadId: string): Promise<void> {
    if (this.#threads.has(threadId)) {
      return this.#refuseThread(threadId, refuse("invalid_request", "This thread is subscribed to already.")); // 2.
    }
    if (!this.#hasRoom) return this.#refuseThread(threadId, refuse("too_many_requests", NO_ROOM)); // 2.
    const found = await this.#findThread(principal, threadId);
    if (this.#phase.kind === "ended") return;
    if (found.kind === "refused") return this.#refuseThread(threadId, found);
    const refusal = this.#deps.threads.refusal(principal);
    if (refusal !== null) return this.#refuseThread(threadId, refusal);
    this.#socket.send({ type: "subscribed", threadId });
    const stop = this.#deps.threads.follow(principal, found.thread, (runId) => {
      if (runId !== null) return this.#socket.send({ type: "thread.run", threadId, runId });
      this.#unsubscribeThread(threadId);
      this.#refuseThread(threadId, refuse("not_found", "The thread was deleted."));
    });
    this.#threads.set(threadId, stop);
  }

  async #findThread(principal: Principal, idOrKey: string): ReturnType<typeof findThread> {
    try {
      return await findThread(this.#deps, principal, { idOrKey, subject: undefined });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      return refuse("unavailable", "The store is away; subscribe again."); // 5.
    }
  }

  #refuseThread(threadId: string, { code, detail }: Refusal): void {
    this.#socket.send({ type: "error", threadId, code, message: detail });
  }

  #unsubscribeThread(threadId: string): void {
    this.#threads.get(threadId)?.();
    this.#threads.delete(threadId);
  }

  #unsubscribe(runId: string): void {
    this.#runs.get(runId)?.close();
    this.#runs.delete(runId);
  }
}
