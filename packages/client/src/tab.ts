import { TAB_ANSWER_MS } from "./limits.ts";
import { randomId } from "./random-id.ts";

/** The browser tab that this page is in. */
export interface Tab {
  /** Copied when the tab is duplicated, kept when it is reloaded; `null` where the browser forbids it. */
  readonly storage: Pick<Storage, "getItem" | "setItem"> | null;
  /**
   * Holds a name among the tabs of this origin. Resolves with a function that lets go of it; with `null` if another tab
   * still holds it after `waitMs`. Pages of one tab share what they hold. Never rejects.
   */
  hold(name: string, waitMs: number): Promise<(() => void) | null>;
}

/** The parts of a page's globals that are used here. Not every browser and context has all of them. */
interface PageScope {
  readonly document?: object;
  readonly sessionStorage?: Storage;
  readonly navigator?: { readonly locks?: PageLocks };
  readonly BroadcastChannel?: new (name: string) => PageChannel;
}

/** The part of `navigator.locks` that is used here. */
export interface PageLocks {
  /** As in the DOM. */
  request(name: string, options: { signal: AbortSignal }, whileHeld: () => Promise<void>): Promise<unknown>;
}

/** The part of `BroadcastChannel` that is used here. */
export interface PageChannel {
  /** As in the DOM. */
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  /** As in the DOM. */
  postMessage(data: unknown): void;
  /** As in the DOM. */
  close(): void;
}

type Hold = (name: string, waitMs: number) => Promise<(() => void) | null>;

/** What this page holds, by name, and for how many of its devices. */
const held = new Map<string, { readonly release: Promise<(() => void) | null>; count: number }>();

/** Returns the tab of this page; `null` where there is none: in Node, in React Native and in workers. */
export function openTab(): Tab | null {
  const scope = globalThis as unknown as PageScope;
  if (scope.document === undefined) return null;
  return {
    storage: storageOf(scope),
    hold: (name, waitMs) => holdOnce(holderOf(scope), `hsafa.device.${name}`, waitMs),
  };
}

/** A page whose storage is blocked throws when it is touched. */
function storageOf(scope: PageScope): Tab["storage"] {
  try {
    return scope.sessionStorage ?? null;
  } catch {
    return null;
  }
}

/** Web Locks exist in secure contexts alone. A channel reaches the same tabs, but they have to answer. */
function holderOf({ navigator, BroadcastChannel }: PageScope): Hold {
  const locks = navigator?.locks;
  if (locks !== undefined) return (name, waitMs) => holdByLock(locks, name, waitMs);
  if (BroadcastChannel !== undefined) return (name) => holdByChannel(new BroadcastChannel(name));
  return () => Promise.resolve(() => {});
}

async function holdOnce(hold: Hold, name: string, waitMs: number): Promise<(() => void) | null> {
  const mine = held.get(name) ?? { release: hold(name, waitMs), count: 0 };
  held.set(name, mine);
  mine.count += 1;
  const release = await mine.release;
  if (release === null) {
    if (held.get(name) === mine) held.delete(name);
    return null;
  }
  let isReleased = false;
  return () => {
    if (isReleased) return;
    isReleased = true;
    mine.count -= 1;
    if (mine.count > 0) return;
    held.delete(name);
    release();
  };
}

/** The browser lets go of a lock when the page ends, however it ends. */
export function holdByLock(locks: PageLocks, name: string, waitMs: number): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(), waitMs);
    const whileHeld = (): Promise<void> =>
      new Promise((release) => {
        clearTimeout(timer);
        resolve(release);
      });
    locks.request(name, { signal: waiting.signal }, whileHeld).catch(() => {
      clearTimeout(timer);
      // A page without an origin of its own has no locks. Then nobody can be asked.
      resolve(waiting.signal.aborted ? null : () => {});
    });
  });
}

/**
 * Asks the other tabs, and answers them from then on. Of two that ask at the same moment the one with the smaller
 * number gets the name. A tab that is asleep does not answer, and may lose its name.
 */
export function holdByChannel(channel: PageChannel): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    const me = randomId();
    let isHeld = false;
    const timer = setTimeout(() => {
      isHeld = true;
      resolve(() => channel.close());
    }, TAB_ANSWER_MS);
    const giveUp = (): void => {
      clearTimeout(timer);
      channel.close();
      resolve(null);
    };
    const say = channel.postMessage.bind(channel);
    channel.addEventListener("message", ({ data }) => {
      const { asks, holder } = data as { readonly asks?: string; readonly holder?: string };
      if (asks !== undefined && (isHeld || me < asks)) return say({ holder: asks });
      if (isHeld) return;
      if (asks !== undefined || holder === me) giveUp();
    });
    say({ asks: me });
  });
}
