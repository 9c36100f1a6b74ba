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
export class WatchConnection {
  readonly #deps: WatchConnectionDeps;
  readonly #inboxes = new Map<string, WatchInbox>();
  #socket: ClientSocket | null = null;
  #token = "";
  #isOpen = false;
  #isOver = false;
  #unheard = 0;
  #pings: ReturnType<typeof setInterval> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begins to connect at once. */
  constructor(deps: WatchConnectionDeps) {
    this.#deps = deps;
    this.#timer = setTimeout(() => this.#end({ code: 0 }), WATCH_OPEN_TIMEOUT_MS);
    this.#open().catch((error: Error) => this.#end({ code: 0, error }));
  }

  /** Whether this topic, which is not read here yet, can be. */
  hasRoomFor(topic: WatchTopic): boolean {
    return this.#inboxes.size < WATCH_TOPICS_MAX && !this.#inboxes.has(keyOf(topic));
  }

  /** Reads a topic from now on. */
  join(topic: WatchTopic): WatchInbox {
    const inbox: WatchInbox = { topic, messages: [], end: null, wake() {} };
    this.#inboxes.set(keyOf(topic), inbox);
    if (this.#isOpen) {
      clearTimeout(this.#timer);
      this.#send({ type: "subscribe", ...topic });
    }
    return inbox;
  }

  /** Reads it no longer. Without effect the second time. */
  leave(inbox: WatchInbox): void {
    const { runId, threadId } = inbox.topic;
    const key = keyOf(inbox.topic);
    if (this.#inboxes.get(key) !== inbox) return;
    this.#inboxes.delete(key);
    if (!this.#isOpen) return;
    this.#send({ type: "unsubscribe", ...(runId === undefined ? { threadId } : { runId }) });
    this.#lingerIfUnread();
  }

  #lingerIfUnread(): void {
    if (this.#inboxes.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end({ code: 0 }), WATCH_LINGER_MS);
  }

  async #open(): Promise<void> {
    const { url, WebSocket, token } = this.#deps;
    this.#token = await token();
    if (this.#isOver) return;
    this.#socket = openClientSocket(url, undefined, WebSocket, {
      open: () => this.#send({ type: "auth", token: this.#token }),
      message: (text) => this.#receive(JSON.parse(text) as WatchAnswer),
      close: (code) => this.#end({ code }),
    });
  }

  #receive(message: WatchAnswer): void {
    this.#unheard = 0;
    if (message.type === "authenticated") return this.#opened();
    const key = "runId" in message && message.runId !== undefined ? message.runId : "";
    const inbox = this.#inboxes.get("threadId" in message ? (message.threadId ?? key) : key);
    if (inbox === undefined) return;
    inbox.messages.push(message);
    if (inbox.messages.length > WATCH_UNREAD_MAX) {
      inbox.end = { code: 0 }; // 3.
      this.leave(inbox);
    }
    inbox.wake();
  }

  #opened(): void {
    this.#isOpen = true;
    clearTimeout(this.#timer);
    this.#deps.onOpened();
    for (const { topic } of this.#inboxes.values()) this.#send({ type: "subscribe", ...topic });
    // Its readers may have left while it was opened.
    this.#lingerIfUnread();
    this.#pings = setInterval(() => {
      this.#unheard += 1;
      if (this.#unheard > WATCH_UNHEARD_MAX)
        this.#end({ code: 0 }); // 2.
      else this.#send({ type: "ping" });
    }, WATCH_PING_MS);
  }

  #send(message: WatchMessage): void {
    this.#socket?.send(JSON.stringify(message));
  }

  /** 1. */
  #end(end: WatchEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isOpen = false;
    clearTimeout(this.#timer);
    clearInterval(this.#pings);
    this.#socket?.close();
    this.#deps.onEnded(end.code, this.#token);
    for (const inbox of this.#inboxes.values()) {
      inbox.end = end;
      inbox.wake();
    }
  }
}

function keyOf({ runId, threadId }: WatchTopic): string {
  return runId ?? threadId ?? "";
}
