import type { Duplex } from "node:stream";
import { CLOSE_CODES, type ErrorCode, type WatchAnswer, type WatchMessage } from "@hsafa/protocol";
import { WebSocket } from "ws";
import { admit, type Requirement } from "../../access/admit.ts";
import type { Authenticate } from "../../access/authenticate.ts";
import { openStream } from "../../follow/open-stream.ts";
import type { FollowHub } from "../../follow/follow-hub.ts";
import type { Sink, WatcherEnd, WatcherHandle } from "../../follow/watcher.ts";
import type { Principal } from "../../access/principal.ts";
import { maySeeRun } from "../../access/run-visibility.ts";
import {
  WATCH_AUTH_TIMEOUT_MS,
  WATCH_FAULTS_MAX,
  WATCH_HEARTBEAT_MS,
  WATCH_MESSAGES_QUEUED_MAX,
  WATCH_RUNS_PER_SOCKET_MAX,
  WATCH_UNHEARD_MAX_MS,
  WATCH_UNSENT_BYTES_MAX,
} from "../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import { type Store, StoreUnavailable } from "../../ports/store.ts";
import { jsonFormat } from "../stream/formats/json.ts";
import { readWatchMessage } from "./watch-message.ts";

export interface WatchConnectionDeps {
  readonly authenticate: Authenticate;
  readonly store: Store;
  readonly hub: FollowHub;
  readonly clock: Clock;
  /** Hears what should not happen. */
  readonly report: (error: unknown) => void;
}

/**
 * One client that watches many runs. It owns parsing, order, bounds, heartbeat and close codes; following is the hub's.
 */
export interface WatchConnection {
  /** Told of all bytes that come in: any of them shows that the client is there. */
  hear(): void;
  goAway(): void;
  /** Resolves when the socket is closed and no message is being handled any more. */
  readonly closed: Promise<void>;
}

const WATCHING: Requirement = { scopes: ["runs:read"] };

/** What is told to a watcher of a full socket. */
type WaitingWatcher = Pick<WatcherHandle, "drained" | "progressed">;

type Phase =
  | { readonly kind: "stranger" }
  | { readonly kind: "admitted"; readonly principal: Principal; readonly forgetExpiry: () => void }
  | { readonly kind: "ended" };

export function openWatchConnection(socket: WebSocket, stream: Duplex, deps: WatchConnectionDeps): WatchConnection {
  const { clock } = deps;
  let phase: Phase = { kind: "stranger" };
  const runs = new Map<string, WatcherHandle>();
  /** Watchers that wait for room in the socket, in the order of their turns. */
  const waiting = new Set<WaitingWatcher>();
  const queue: string[] = [];
  let isHandling = false;
  let isPaused = false;
  let faults = 0;
  let heardAt = clock.monotonic();
  let forgetBeat = clock.after(WATCH_AUTH_TIMEOUT_MS, refuseStranger);
  const { promise: closed, resolve: settleClosed } = Promise.withResolvers<void>();

  socket.on("message", (data: Buffer, isBinary) => {
    if (phase.kind === "ended") return;
    if (isBinary) return fault("Messages are JSON in text frames, not binary.");
    queue.push(data.toString("utf8"));
    holdBack();
    if (!isHandling) void handleQueue();
  });
  // What goes wrong with the socket (a message above the bound, a reset) closes it, and `close` follows.
  socket.on("error", () => {});
  socket.on("close", () => {
    leave();
    if (!isHandling) settleClosed();
  });

  /** One at a time and in order, so that an unsubscribe never overtakes its subscribe. */
  async function handleQueue(): Promise<void> {
    isHandling = true;
    for (let text = queue.shift(); text !== undefined && !hasEnded(); text = queue.shift()) {
      try {
        await obey(text);
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) deps.report(error);
        sendError("unavailable", "Something went wrong here; connect again.");
        end(CLOSE_CODES.goingAway, "Something went wrong here; connect again.");
      }
      holdBack();
    }
    isHandling = false;
    if (socket.readyState === WebSocket.CLOSED) settleClosed();
  }

  /** Reads no more from a client that is ahead of us, or that does not read our answers. */
  function holdBack(): void {
    const isAhead = queue.length >= WATCH_MESSAGES_QUEUED_MAX || socket.bufferedAmount > WATCH_UNSENT_BYTES_MAX;
    const pause = isAhead && !hasEnded();
    if (pause === isPaused) return;
    isPaused = pause;
    if (pause) socket.pause();
    else socket.resume();
  }

  async function obey(text: string): Promise<void> {
    const read = readWatchMessage(text);
    if (read.kind === "invalid") return fault(read.reason, read.runId);
    const { message } = read;
    if (phase.kind === "stranger") {
      return message.type === "auth" ? authenticate(message.token) : fault("The first message must be auth.");
    }
    if (phase.kind === "admitted") return obeyAdmitted(phase.principal, message);
  }

  async function obeyAdmitted(principal: Principal, message: WatchMessage): Promise<void> {
    switch (message.type) {
      case "auth":
        return fault("This connection is authenticated already; renew with auth.refresh.");
      case "auth.refresh":
        return refresh(principal, message.token);
      case "subscribe":
        return subscribe(principal, message.runId, message.after);
      case "unsubscribe":
        return unsubscribe(message.runId);
      default:
        message satisfies never;
    }
  }

  async function authenticate(token: string): Promise<void> {
    const admission = await admit(deps, token, WATCHING);
    if (hasEnded()) return;
    if (admission.kind === "refused") return refuseToken(admission.code, admission.detail);
    const { principal } = admission;
    forgetBeat();
    heardAt = clock.monotonic();
    forgetBeat = clock.after(WATCH_HEARTBEAT_MS, beat);
    phase = { kind: "admitted", principal, forgetExpiry: watchExpiry(principal) };
    send({ type: "authenticated" });
  }

  async function refresh(before: Principal, token: string): Promise<void> {
    const admission = await admit(deps, token, WATCHING);
    if (phase.kind !== "admitted") return;
    if (admission.kind === "refused") return refuseToken(admission.code, admission.detail);
    const { principal } = admission;
    if (principal.tenantId !== before.tenantId) {
      return refuseToken("forbidden", "The token belongs elsewhere than the one this connection began with.");
    }
    phase.forgetExpiry();
    phase = { kind: "admitted", principal, forgetExpiry: watchExpiry(principal) };
    send({ type: "authenticated" });
    // R10: a narrower token sees less.
    for (const runId of runs.keys()) {
      if (await maySeeRun(deps, principal, runId)) continue;
      unsubscribe(runId);
      sendError("not_found", "The new token does not see this run.", runId);
    }
  }

  async function subscribe(principal: Principal, runId: string, after: string | undefined): Promise<void> {
    if (runs.has(runId))
      return fault("This run is subscribed to already; unsubscribe first to read it from elsewhere.", runId);
    if (runs.size >= WATCH_RUNS_PER_SOCKET_MAX) {
      const message = `A connection follows ${WATCH_RUNS_PER_SOCKET_MAX} runs at most; unsubscribe from one, or open another.`;
      return sendError("too_many_requests", message, runId);
    }
    const outcome = await follow(principal, runId, after);
    if (hasEnded()) return;
    switch (outcome.kind) {
      case "refused":
        return sendError(outcome.code, outcome.detail, runId);
      case "at_end":
        send({ type: "subscribed", runId });
        return send({ type: "ended", runId });
      case "following":
        send({ type: "subscribed", runId });
        return watch(runId, outcome.watch);
      default:
        outcome satisfies never;
    }
  }

  /** A store that is away costs this subscription, not the others of the connection. */
  async function follow(principal: Principal, runId: string, after: string | undefined) {
    try {
      return await openStream(deps, principal, { runId, after });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      const detail = "The store is away; subscribe again.";
      return { kind: "refused", code: "unavailable", detail } as const;
    }
  }

  function watch(runId: string, begin: (sink: Sink) => WatcherHandle): void {
    let watcher: WatcherHandle | null = null;
    let hasClosed = false;
    const self: WaitingWatcher = { drained: () => watcher?.drained(), progressed: () => watcher?.progressed() };
    const sink: Sink = {
      format: jsonFormat,
      isReady() {
        if (socket.bufferedAmount <= WATCH_UNSENT_BYTES_MAX) return true;
        waiting.add(self);
        return false;
      },
      write(batch) {
        stream.cork();
        for (const json of batch.parts) socket.send(json, { binary: false }, onSent);
        stream.uncork();
        return batch.byteLength;
      },
      close(why) {
        hasClosed = true;
        waiting.delete(self);
        if (watcher !== null && runs.get(runId) === watcher) runs.delete(runId);
        closeRun(runId, why);
      },
    };
    watcher = begin(sink);
    // It may have come to its end within the call.
    if (!hasClosed) runs.set(runId, watcher);
  }

  function closeRun(runId: string, why: WatcherEnd): void {
    switch (why) {
      case "ended":
        return send({ type: "ended", runId });
      case "failed":
        return sendError(
          "internal",
          "Something went wrong here; subscribe again after the last event that you have.",
          runId,
        );
      case "stalled":
        // The socket takes nothing, for this run and for all others.
        leave();
        return socket.terminate();
      case "going_away":
        return goAway();
      default:
        why satisfies never;
    }
  }

  function unsubscribe(runId: string): void {
    runs.get(runId)?.close();
    runs.delete(runId);
  }

  /** After each write that has left. */
  function onSent(): void {
    holdBack();
    for (const watcher of waiting) watcher.progressed();
    if (socket.bufferedAmount <= WATCH_UNSENT_BYTES_MAX / 2) wakeNext();
  }

  /** One at a time and in turn, so that the first does not fill the socket again before the others come to a write. */
  function wakeNext(): void {
    const [next] = waiting;
    if (next === undefined || socket.bufferedAmount > WATCH_UNSENT_BYTES_MAX) return;
    waiting.delete(next);
    next.drained();
    setImmediate(wakeNext);
  }

  function watchExpiry(principal: Principal): () => void {
    if (principal.expiresAt === undefined) return () => {};
    return clock.after(Math.max(0, principal.expiresAt - clock.now()), () => {
      refuseToken("unauthenticated", "The token has expired; get a new one.");
    });
  }

  function refuseStranger(): void {
    refuseToken("unauthenticated", `Send auth within ${WATCH_AUTH_TIMEOUT_MS / 1000} seconds.`);
  }

  function refuseToken(code: ErrorCode, reason: string): void {
    sendError(code, reason);
    end(code === "unavailable" ? CLOSE_CODES.goingAway : CLOSE_CODES.notAuthenticated, reason);
  }

  function beat(): void {
    forgetBeat = clock.after(WATCH_HEARTBEAT_MS, beat);
    // Behind unread data a ping waits as well: there the watchers' own stall counts.
    if (isPaused || socket.bufferedAmount > 0) heardAt = clock.monotonic();
    if (clock.monotonic() - heardAt >= WATCH_UNHEARD_MAX_MS) {
      return end(CLOSE_CODES.heartbeatMissed, "Nothing was heard for too long.");
    }
    socket.ping();
  }

  /** What is not this protocol: the end for a stranger, a word for others, and the end again when it does not stop. */
  function fault(reason: string, runId?: string): void {
    faults += 1;
    sendError("invalid_request", reason, runId);
    if (phase.kind === "stranger" || faults > WATCH_FAULTS_MAX) end(CLOSE_CODES.protocolError, reason);
  }

  function sendError(code: ErrorCode, message: string, runId?: string): void {
    send(runId === undefined ? { type: "error", code, message } : { type: "error", runId, code, message });
  }

  function send(answer: WatchAnswer): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    // A failed write closes the socket, and `close` follows.
    socket.send(JSON.stringify(answer), onSent);
  }

  const hasEnded = (): boolean => phase.kind === "ended";

  /** Lets go of everything but the socket. */
  function leave(): void {
    if (phase.kind === "ended") return;
    if (phase.kind === "admitted") phase.forgetExpiry();
    phase = { kind: "ended" };
    forgetBeat();
    queue.length = 0;
    // Also lets a paused socket read the other side's close frame.
    holdBack();
    for (const runId of runs.keys()) unsubscribe(runId);
  }

  function end(code: number, text: string): void {
    if (phase.kind === "ended") return;
    leave();
    socket.close(code, text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 123));
  }

  function goAway(): void {
    end(CLOSE_CODES.goingAway, "The gateway is going away; connect again.");
  }

  return {
    closed,
    hear() {
      heardAt = clock.monotonic();
    },
    goAway,
  };
}
