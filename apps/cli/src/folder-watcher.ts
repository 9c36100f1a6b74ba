import { existsSync, type FSWatcher, watch } from "node:fs";
import { WATCHED_FOLDERS_MAX, WATCH_DEBOUNCE_MS } from "./limits.ts";

/**
 * Watches folders, and calls back a moment after something in one of them has changed. An editor that saves touches a
 * file several times. A folder is watched and not its files, because many editors replace a file when they save it.
 */
export class FolderWatcher {
  readonly #onChange: () => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Watches exactly these folders from now on, as far as they exist. Returns how many were too many. */
  watchOnly(folders: ReadonlySet<string>): number {
    if (this.#isClosed) return 0;
    const wanted = new Set([...folders].filter((folder) => existsSync(folder)).slice(0, WATCHED_FOLDERS_MAX));
    for (const [folder, watcher] of this.#watchers) {
      if (!wanted.has(folder)) this.#drop(folder, watcher);
    }
    for (const folder of wanted) {
      if (!this.#watchers.has(folder)) this.#add(folder);
    }
    return Math.max(0, folders.size - WATCHED_FOLDERS_MAX);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const [folder, watcher] of this.#watchers) this.#drop(folder, watcher);
  }

  #add(folder: string): void {
    const watcher = watch(folder, { persistent: false }, () => this.#changed());
    // A folder that is removed ends its watch, and that is a change too.
    watcher.on("error", () => {
      this.#drop(folder, watcher);
      this.#changed();
    });
    this.#watchers.set(folder, watcher);
  }

  #drop(folder: string, watcher: FSWatcher): void {
    this.#watchers.delete(folder);
    watcher.close();
  }

  #changed(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onChange, WATCH_DEBOUNCE_MS);
  }
}
