/**
 * The key by which a browser tab is a device.
 *
 * 1. Of all living tabs of an origin at most one holds a key, from `holdTabKey` until it is released or the page ends.
 *    Devices of one page share it.
 * 2. A duplicated tab has a copy of `sessionStorage`, and so the key of a tab that lives. It gets a key of its own, and
 *    the tab that has the key keeps it.
 * 3. A tab that is reloaded gets back the key that it had. Its former page may take a moment to let go of it.
 * 4. Where there is no tab (Node, React Native, a worker) a key is what it was given as.
 */
import { DEVICE_KEY_CHARACTERS_MAX } from "@hsafa/protocol";
import { TAB_KEY_AWAITED_MS, TAB_KEY_SUFFIX_CHARACTERS } from "./limits.ts";
import { randomId } from "./random-id.ts";
import { openTab, type Tab } from "./tab.ts";

/** A device key that this tab holds. */
export interface HeldKey {
  readonly deviceKey: string;
  /** Lets another tab have it. Without effect the second time. */
  release(): void;
}

/** Where a tab remembers the key that it got instead of another one. */
const STORED_PREFIX = "hsafa.tab.";

/**
 * Returns a device key for this tab, and holds it for as long as the page lives. After a reload it is the same. In a
 * duplicated tab it is another one. Outside of a tab it is a fresh key each time.
 */
export async function tabDeviceKey(): Promise<string> {
  const tab = openTab();
  const known = tab?.storage?.getItem(STORED_PREFIX) ?? `tab-${randomId()}`;
  tab?.storage?.setItem(STORED_PREFIX, known);
  return (await holdTabKey(known, tab)).deviceKey;
}

/** Holds the key for this tab; or a key of its own, if another living tab holds it (2). Never rejects. */
export async function holdTabKey(wanted: string, tab: Tab | null = openTab()): Promise<HeldKey> {
  if (tab === null) return { deviceKey: wanted, release() {} }; // 4.
  const deviceKey = tab.storage?.getItem(STORED_PREFIX + wanted) ?? wanted; // 3.
  const release = await tab.hold(deviceKey, TAB_KEY_AWAITED_MS);
  if (release !== null) return { deviceKey, release };
  const own = `${wanted.slice(0, DEVICE_KEY_CHARACTERS_MAX - TAB_KEY_SUFFIX_CHARACTERS - 1)}~${randomId().slice(-TAB_KEY_SUFFIX_CHARACTERS)}`;
  tab.storage?.setItem(STORED_PREFIX + wanted, own);
  return { deviceKey: own, release: (await tab.hold(own, TAB_KEY_AWAITED_MS)) ?? (() => {}) };
}
