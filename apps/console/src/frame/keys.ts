/**
 * Keys of the page. What is on the screen says which keys it takes, and `?` lists them.
 *
 * 1. A key is left alone where a person writes, within a dialog, and with Ctrl, Alt or Meta.
 * 2. Of two places that take one key, the later one wins: it lies deeper in the page.
 */
import { useEffect, useRef, useSyncExternalStore } from "react";
import { KEY_PAIR_MS } from "../limits.ts";

/** A key, or a pair of keys that follow each other: `j`, `g r`. */
export interface KeyBinding {
  readonly keys: string;
  /** What it does, in a few words. */
  readonly does: string;
  readonly run: () => void;
}

/** The keys of one place. */
export interface KeyGroup {
  readonly title: string;
  readonly bindings: readonly KeyBinding[];
}

let groups: readonly KeyGroup[] = [];
let pending = "";
let pendingUntil = 0;
const listeners = new Set<() => void>();

/** Takes these keys as long as the component is shown. */
export function useKeys(title: string, bindings: readonly KeyBinding[]): void {
  const latest = useRef(bindings);
  useEffect(() => {
    latest.current = bindings;
  });
  const names = bindings.map(({ keys, does }) => `${keys}\t${does}`).join("\n");
  useEffect(() => {
    const group: KeyGroup = {
      title,
      bindings: names.split("\n").flatMap((line, index) => {
        const [keys = "", does = ""] = line.split("\t");
        return keys === "" ? [] : [{ keys, does, run: () => latest.current[index]?.run() }];
      }),
    };
    setGroups([...groups, group]);
    return () => setGroups(groups.filter((one) => one !== group));
  }, [title, names]);
}

/** The keys that the page takes now. */
export function useKeyGroups(): readonly KeyGroup[] {
  return useSyncExternalStore(subscribe, () => groups);
}

/** Listens to the keyboard. Returns what stops it. */
export function listenToKeys(): () => void {
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return; // 1.
  const now = performance.now();
  const pair = now < pendingUntil ? `${pending} ${event.key}` : "";
  const all = groups.flatMap(({ bindings }) => bindings).toReversed(); // 2.
  const binding = all.find(({ keys }) => keys === pair) ?? all.find(({ keys }) => keys === event.key);
  const begins = all.some(({ keys }) => keys.startsWith(`${event.key} `));
  pending = event.key;
  pendingUntil = begins && binding === undefined ? now + KEY_PAIR_MS : 0;
  if (binding === undefined) return;
  event.preventDefault();
  binding.run();
}

function isWriting(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.closest("input, textarea, select, [role=dialog], [role=menu]") !== null)
  );
}

function setGroups(next: readonly KeyGroup[]): void {
  groups = next;
  for (const listener of listeners) listener();
}

function subscribe(notify: () => void): () => void {
  listeners.add(notify);
  return () => listeners.delete(notify);
}
