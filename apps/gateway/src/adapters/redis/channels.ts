import { REDIS_CHANNELS_PER_SUBSCRIBE_MAX } from "./limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { RedisClient } from "./client.ts";
import type { Connection, RedisNotice } from "./connection.ts";

export interface ChannelsParams<News> {
  readonly connection: Connection;
  readonly clock: Clock;
  /** How long `join` waits for a confirmation. */
  readonly timeoutMs: number;
  readonly notify: (notice: RedisNotice) => void;
  /** Reads a message, once for all listeners of its channel. */
  readonly parse: (message: string) => News;
  /** What listeners are told when messages may have been missed. */
  readonly doubt: News;
}

interface Listener<News> {
  readonly hear: (news: News) => void;
  /** Resolves the listener's `join`; `null` once it has resolved. */
  joined: (() => void) | null;
}

interface Channel<News> {
  readonly listeners: Set<Listener<News>>;
  /** Whether Redis has confirmed the subscription on the present connection. */
  confirmed: boolean;
}

/**
 * The channels that this process hears, over one connection: a channel is subscribed once, however many listen. When
 * the connection comes back all are subscribed anew, and every listener that had been told it hears is told `doubt`.
 */
export class Channels<News> {
  readonly #params: ChannelsParams<News>;
  readonly #channels = new Map<string, Channel<News>>();
  #client: RedisClient | null = null;

  constructor(params: ChannelsParams<News>) {
    this.#params = params;
    params.connection.watch({ up: (client) => this.#up(client), down: () => this.#down() });
  }

  /**
   * Listens to a channel until `leave`. `joined` resolves when Redis has confirmed; while it is away, at once, and when
   * it does not answer, after `timeoutMs`: then `doubt` follows the confirmation.
   */
  join(name: string, hear: (news: News) => void): { readonly joined: Promise<void>; readonly leave: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener: Listener<News> = { hear, joined: null };
    const channel = this.#channels.get(name) ?? { listeners: new Set(), confirmed: false };
    channel.listeners.add(listener);
    if (this.#client === null || channel.confirmed) {
      resolve();
    } else {
      const { clock, timeoutMs } = this.#params;
      const cancel = clock.after(timeoutMs, () => settle(listener));
      listener.joined = () => {
        cancel();
        resolve();
      };
    }
    if (this.#channels.get(name) === undefined) {
      this.#channels.set(name, channel);
      void this.#subscribe([name]);
    }
    return { joined: promise, leave: () => this.#leave(name, channel, listener) };
  }

  #leave(name: string, channel: Channel<News>, listener: Listener<News>): void {
    settle(listener);
    channel.listeners.delete(listener);
    if (channel.listeners.size > 0 || this.#channels.get(name) !== channel) return;
    this.#channels.delete(name);
    // One that fails is gone with its connection; the next does not ask for this channel.
    this.#client?.unsubscribe(name, this.#hear).catch(() => {});
  }

  /** Forgets every listener. */
  clear(): void {
    for (const channel of this.#channels.values()) channel.listeners.forEach(settle);
    const names = [...this.#channels.keys()];
    this.#channels.clear();
    if (names.length > 0) this.#client?.unsubscribe(names, this.#hear).catch(() => {});
  }

  #up(client: RedisClient): void {
    this.#client = client;
    const names = [...this.#channels.keys()];
    for (let from = 0; from < names.length; from += REDIS_CHANNELS_PER_SUBSCRIBE_MAX) {
      void this.#subscribe(names.slice(from, from + REDIS_CHANNELS_PER_SUBSCRIBE_MAX));
    }
  }

  #down(): void {
    this.#client = null;
    for (const channel of this.#channels.values()) {
      channel.confirmed = false;
      channel.listeners.forEach(settle);
    }
  }

  async #subscribe(names: string[]): Promise<void> {
    const client = this.#client;
    if (client === null) return;
    const asked = names.map((name) => this.#channels.get(name));
    try {
      await client.subscribe(names, this.#hear);
    } catch (error) {
      // Lost with its connection, a subscription is asked for again on the next.
      if (this.#client === client) this.#params.notify({ kind: "refused", connection: "subscriber", error });
      return;
    }
    if (this.#client !== client) return;
    for (const [index, name] of names.entries()) {
      const channel = this.#channels.get(name);
      // Left, or left and joined again, since: that one waits for its own confirmation.
      if (channel !== undefined && channel === asked[index]) this.#confirm(channel);
    }
  }

  #confirm(channel: Channel<News>): void {
    channel.confirmed = true;
    for (const listener of channel.listeners) {
      if (listener.joined === null) this.#tell(listener, this.#params.doubt);
      else settle(listener);
    }
  }

  readonly #hear = (message: string, name: string): void => {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    const news = this.#params.parse(message);
    for (const listener of channel.listeners) this.#tell(listener, news);
  };

  #tell(listener: Listener<News>, news: News): void {
    try {
      listener.hear(news);
    } catch (error) {
      this.#params.notify({ kind: "listener-failed", error });
    }
  }
}

function settle(listener: { joined: (() => void) | null }): void {
  listener.joined?.();
  listener.joined = null;
}
