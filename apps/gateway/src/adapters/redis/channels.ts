/**
 * The channels that this process is subscribed to, over one connection. `Connection` owns the socket and replaces it.
 *
 * 1. A channel is subscribed once, whatever the number of its listeners.
 * 2. `join` resolves when Redis has confirmed the subscription of the present connection. It never waits for an absent
 *    Redis, nor for longer than `timeoutMs`.
 * 3. A listener whose `join` resolved without a confirmation, or before the present connection, may have missed
 *    messages. When Redis confirms, it receives `gap`.
 * 4. After a reconnect all channels are subscribed again.
 * 5. A confirmation counts only for the channel object that asked: one that was left and joined again waits for its
 *    own.
 */
import type { Clock } from "../../ports/clock.ts";
import type { Log } from "../../ports/log.ts";
import { callListener } from "../../runtime/listeners.ts";
import type { Connection } from "./connection.ts";
import { REDIS_CHANNELS_PER_SUBSCRIBE_MAX } from "./limits.ts";
import type { RedisClient } from "./redis-client.ts";

export interface ChannelsParams<Message> {
  readonly connection: Connection;
  readonly clock: Clock;
  /** How long `join` waits for a confirmation, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
  /** Reads a message, once for all listeners of its channel. */
  readonly parse: (text: string) => Message;
  /** What listeners receive when messages may have been missed. */
  readonly gap: Message;
}

interface Listener<Message> {
  readonly hear: (message: Message) => void;
  /** Resolves the listener's `join`; null once it has resolved. */
  joined: (() => void) | null;
}

interface Channel<Message> {
  readonly listeners: Set<Listener<Message>>;
  /** Whether Redis has confirmed the subscription on the present connection. */
  confirmed: boolean;
}

export class Channels<Message> {
  readonly #params: ChannelsParams<Message>;
  readonly #channels = new Map<string, Channel<Message>>();
  #client: RedisClient | null = null;

  constructor(params: ChannelsParams<Message>) {
    this.#params = params;
    params.connection.watch({ up: (client) => this.#up(client), down: () => this.#down() });
  }

  /** Listens to a channel until `leave`. For `joined` see 2 and 3. */
  join(name: string, hear: (message: Message) => void): { readonly joined: Promise<void>; readonly leave: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener: Listener<Message> = { hear, joined: null };
    const channel = this.#channels.get(name) ?? { listeners: new Set(), confirmed: false };
    channel.listeners.add(listener);
    if (this.#client === null || channel.confirmed) {
      resolve();
    } else {
      // 2.
      const { clock, timeoutMs } = this.#params;
      const cancel = clock.after(timeoutMs, () => settle(listener));
      listener.joined = () => {
        cancel();
        resolve();
      };
    }
    // 1.
    if (this.#channels.get(name) === undefined) {
      this.#channels.set(name, channel);
      void this.#subscribe([name]);
    }
    return { joined: promise, leave: () => this.#leave(name, channel, listener) };
  }

  #leave(name: string, channel: Channel<Message>, listener: Listener<Message>): void {
    settle(listener);
    channel.listeners.delete(listener);
    if (channel.listeners.size > 0 || this.#channels.get(name) !== channel) return;
    this.#channels.delete(name);
    // If it fails, the connection is gone. The next one does not subscribe this channel.
    this.#client?.unsubscribe(name, this.#hear).catch(() => {});
  }

  /** Removes every listener. */
  clear(): void {
    for (const channel of this.#channels.values()) channel.listeners.forEach(settle);
    const names = [...this.#channels.keys()];
    this.#channels.clear();
    if (names.length > 0) this.#client?.unsubscribe(names, this.#hear).catch(() => {});
  }

  #up(client: RedisClient): void {
    this.#client = client;
    // 4. In pieces, because Redis serves nobody else during one SUBSCRIBE.
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
      // If the connection was lost, the next one subscribes again. One that was refused is made anew.
      if (this.#client === client) this.#params.connection.refused(client, error);
      return;
    }
    if (this.#client !== client) return;
    for (const [index, name] of names.entries()) {
      const channel = this.#channels.get(name);
      // 5.
      if (channel !== undefined && channel === asked[index]) this.#confirm(channel);
    }
  }

  #confirm(channel: Channel<Message>): void {
    channel.confirmed = true;
    for (const listener of channel.listeners) {
      // 3.
      if (listener.joined === null) callListener(listener.hear, this.#params.gap, this.#params.log);
      else settle(listener);
    }
  }

  readonly #hear = (text: string, name: string): void => {
    const channel = this.#channels.get(name);
    if (channel === undefined) return;
    const message = this.#params.parse(text);
    for (const { hear } of channel.listeners) callListener(hear, message, this.#params.log);
  };
}

function settle(listener: { joined: (() => void) | null }): void {
  listener.joined?.();
  listener.joined = null;
}
