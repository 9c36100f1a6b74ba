import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { holdByChannel, holdByLock, openTab, type PageChannel, type PageLocks } from "./tab.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** The locks of one origin. */
function fakeLocks(): PageLocks {
  let free = Promise.resolve();
  return {
    request: async (_name, { signal }, whileHeld) => {
      const before = free;
      const { promise, resolve } = Promise.withResolvers<void>();
      free = promise;
      const aborted = new Promise<never>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")), { once: true });
      });
      try {
        await Promise.race([before, aborted]);
      } catch (error) {
        void before.then(resolve);
        throw error;
      }
      await whileHeld();
      resolve();
    },
  };
}

/** Channels of one name. Messages come in a later turn, to all others. */
function fakeChannels() {
  type Listener = Parameters<PageChannel["addEventListener"]>[1];
  const open = new Map<PageChannel, Listener[]>();
  return (): PageChannel => {
    const channel: PageChannel = {
      addEventListener: (_type, listener) => void open.get(channel)?.push(listener),
      postMessage(data) {
        for (const [other, listeners] of open) {
          if (other !== channel) queueMicrotask(() => listeners.forEach((listener) => listener({ data })));
        }
      },
      close: () => void open.delete(channel),
    };
    open.set(channel, []);
    return channel;
  };
}

test("outside of a page there is no tab", () => {
  expect(openTab()).toBeNull();
});

describe("by a lock", () => {
  test("a held name is not given twice; one that is let go of in time is", async () => {
    const locks = fakeLocks();
    const first = await holdByLock(locks, "name", 1000);
    const second = holdByLock(locks, "name", 1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await second).toBeNull();
    const third = holdByLock(locks, "name", 1000);
    await vi.advanceTimersByTimeAsync(500);
    first?.();
    await vi.advanceTimersByTimeAsync(0);
    expect(await third).not.toBeNull();
  });

  test("a page without locks of its own holds what it asks for", async () => {
    const locks: PageLocks = { request: () => Promise.reject(new Error("SecurityError")) };
    expect(await holdByLock(locks, "name", 1000)).not.toBeNull();
  });
});

describe("by a channel", () => {
  test("a tab that holds the name answers, and once it has let go nobody does", async () => {
    const connect = fakeChannels();
    const first = holdByChannel(connect());
    await vi.advanceTimersByTimeAsync(1000);
    const release = await first;
    const second = holdByChannel(connect());
    await vi.advanceTimersByTimeAsync(1000);
    expect(await second).toBeNull();
    release?.();
    const third = holdByChannel(connect());
    await vi.advanceTimersByTimeAsync(1000);
    expect(await third).not.toBeNull();
  });

  test("of several tabs that ask at the same moment exactly one gets the name", async () => {
    const connect = fakeChannels();
    const asking = Array.from({ length: 5 }, () => holdByChannel(connect()));
    await vi.advanceTimersByTimeAsync(1000);
    const got = await Promise.all(asking);
    expect(got.filter((release) => release !== null)).toHaveLength(1);
  });
});
