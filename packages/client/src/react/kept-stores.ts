import type { Client } from "../client.ts";
import { UNSHOWN_KEPT_MS } from "../limits.ts";

/** Something outside of React that components show. */
export interface Store<Snapshot> {
  /** Calls `listener` after each change, until the returned function is called. */
  subscribe(listener: () => void): () => void;
  /** Returns the same object until something has changed. */
  getSnapshot(): Snapshot;
}

/** A store that does its work while somebody looks: `begin` starts it, and returns what ends it. */
export interface WorkingStore<Snapshot> extends Store<Snapshot> {
  /** Sets the snapshot, and tells everybody. */
  set(next: Snapshot): void;
}

/**
 * Makes a store that works while it has listeners, and for a moment afterwards. React takes a component off and puts it
 * back (StrictMode), and that must not read everything again. `begin` is called with the store, and returns what ends
 * the work. `onIdle` is called when the work has ended.
 */
export function createStore<Snapshot>(
  first: Snapshot,
  begin: (store: WorkingStore<Snapshot>) => () => void,
  onIdle: () => void = () => {},
): WorkingStore<Snapshot> {
  const listeners = new Set<() => void>();
  let snapshot = first;
  let end: (() => void) | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const store: WorkingStore<Snapshot> = {
    getSnapshot: () => snapshot,
    set(next) {
      snapshot = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      clearTimeout(timer);
      const own = (): void => listener();
      listeners.add(own);
      end ??= begin(store);
      return () => {
        if (!listeners.delete(own) || listeners.size > 0) return;
        timer = setTimeout(() => {
          end?.();
          end = null;
          onIdle();
        }, UNSHOWN_KEPT_MS);
      };
    },
  };
  return store;
}

const kept = new WeakMap<object, Map<string, unknown>>();

/** Returns the client's store of this name, which all components share, and makes it if there is none. */
export function keptStore<Made>(client: Client, name: string, make: (forget: () => void) => Made): Made {
  const stores = kept.get(client) ?? new Map<string, unknown>();
  kept.set(client, stores);
  const known = stores.get(name);
  if (known !== undefined) return known as Made;
  const made = make(() => {
    if (stores.get(name) === made) stores.delete(name);
  });
  stores.set(name, made);
  return made;
}
