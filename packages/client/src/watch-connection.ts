/**
 * One WebSocket to `WS /api/watch`, from its opening to its end. Each topic on it has an inbox.
 *
 * 1. It ends once: timers and socket go, and each inbox learns of it.
 * 2. Silence is measured in pings, not in time: a page in the background has its timers slowed.
 * 3. An inbox whose reader is too far behind ends. A WebSocket cannot be told to wait.
 */
import type { WatchAnswer, WatchMessage } from "@hsafa/protocol";
import { type ClientSocket, openClientSocket, type WebSocketConstructor } from "./client-socket.ts";
import {
  WATCH_LINGER_MS,
  WATCH_OPEN_TIMEOUT_MS,
  WATCH_PING_MS,
  WATCH_TOPICS_MAX,
  WATCH_UNHEARD_MAX,
  WATCH_UNREAD_MAX,
} from "./limits.ts";

/** What is read: a run from the event after `after`, or which run of a thread is the newest. */
export type WatchTopic =
  | { readonly runId: string; readonly after?: string; readonly threadId?: undefined }
  | { readonly threadId: string; readonly runId?: undefined };

/** How a connection ended. `code`: that of the close frame. `error`: what makes coming back useless, if there is. */
export interface WatchEnd {
  readonly code: number;
  readonly error?: Error;
}

/** What waits for the reader of a topic. */
export interface WatchInbox {
  readonly topic: WatchTopic;
  readonly messages: WatchAnswer[];
  /** Set when nothing more comes. */
  end: WatchEnd | null;
  /** Wakes the reader. */
  wake(): void;
}

/** What a connection needs, and the callbacks by which it reports. */
export interface WatchConnectionDeps {
  readonly url: string;
  readonly WebSocket: WebSocketConstructor | undefined;
  /** Gets the token to authenticate with. */
  readonly token: () => Promise<string>;
  /** The gateway has taken the token. */
  readonly onOpened: () => void;
  /** `token`: the one that was used; empty before there was one. */
  readonly onEnded: (code: number, token: string) => void;
}

/** One connection. */
export interface WatchConnection {
  /** Whether this topic, which is not read here yet, can be. */
  hasRoomFor(topic: WatchTopic): boolean;
  /** Reads a topic from now on. */
  join(topic: WatchTopic): WatchInbox;
  /** Reads it no longer. Without effect the second time. */
  leave(inbox: WatchInbox): void;
}

/** Begins to connect at once. */
export function openWatchConnection(deps: WatchConnectionDeps): WatchConnection {
  const inboxes = new Map<string, WatchInbox>();
  let socket: ClientSocket | null = null;
  let token = "";
  let isOpen = false;
  let isOver = false;
  let unheard = 0;
  let pings: ReturnType<typeof setInterval> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function endAfter(delayMs: number): void {
    timer = setTimeout(() => end({ code: 0 }), delayMs);
  }

  function lingerIfUnread(): void {
    clearTimeout(timer);
    if (inboxes.size === 0) endAfter(WATCH_LINGER_MS);
  }

  function leave(inbox: WatchInbox): void {
    const { runId, threadId } = inbox.topic;
    const key = keyOf(inbox.topic);
    if (inboxes.get(key) !== inbox) return;
    inboxes.delete(key);
    if (!isOpen) return;
    send({ type: "unsubscribe", runId, threadId });
    lingerIfUnread();
  }

  async function open(): Promise<void> {
    token = await deps.token();
    if (isOver) return;
    socket = openClientSocket(deps.url, undefined, deps.WebSocket, {
      open: () => send({ type: "auth", token }),
      message: (text) => receive(JSON.parse(text) as WatchAnswer),
      close: (code) => end({ code }),
    });
  }

  function receive(message: WatchAnswer): void {
    unheard = 0;
    if (message.type === "authenticated") return opened();
    const inbox = inboxes.get(keyOf(message));
    if (inbox === undefined) return;
    inbox.messages.push(message);
    if (inbox.messages.length > WATCH_UNREAD_MAX) {
      inbox.end = { code: 0 }; // 3.
      leave(inbox);
    }
    inbox.wake();
  }

  function opened(): void {
    isOpen = true;
    deps.onOpened();
    for (const { topic } of inboxes.values()) send({ type: "subscribe", ...topic });
    // Its readers may have left while it was opened.
    lingerIfUnread();
    pings = setInterval(() => {
      unheard += 1;
      if (unheard > WATCH_UNHEARD_MAX)
        end({ code: 0 }); // 2.
      else send({ type: "ping" });
    }, WATCH_PING_MS);
  }

  function send(message: WatchMessage): void {
    socket?.send(JSON.stringify(message));
  }

  /** 1. */
  function end(how: WatchEnd): void {
    if (isOver) return;
    isOver = true;
    isOpen = false;
    clearTimeout(timer);
    clearInterval(pings);
    socket?.close();
    deps.onEnded(how.code, token);
    for (const inbox of inboxes.values()) {
      inbox.end = how;
      inbox.wake();
    }
  }

  endAfter(WATCH_OPEN_TIMEOUT_MS);
  open().catch((error: Error) => end({ code: 0, error }));
  return {
    hasRoomFor: (topic) => inboxes.size < WATCH_TOPICS_MAX && !inboxes.has(keyOf(topic)),
    join(topic) {
      const inbox: WatchInbox = { topic, messages: [], end: null, wake() {} };
      inboxes.set(keyOf(topic), inbox);
      if (isOpen) {
        clearTimeout(timer);
        send({ type: "subscribe", ...topic });
      }
      return inbox;
    },
    leave,
  };
}

/** What is told of a thread names its newest run, too. */
function keyOf(about: WatchTopic | WatchAnswer): string {
  const { runId, threadId } = about as { readonly runId?: string; readonly threadId?: string };
  return threadId ?? runId ?? "";
}
