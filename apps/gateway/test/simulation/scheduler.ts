interface Event {
  at: number;
  readonly order: number;
  readonly label: string;
  run: (() => void) | null;
}

/**
 * Virtual time. Events happen one after another. After each of them everything is done that only waits for promises.
 * Nothing outside of the process takes part, so the seed alone decides what happens. The hash of the trace shows it.
 */
export class Scheduler {
  /** Milliseconds since the world began. */
  time = 0;
  #heap: Event[] = [];
  #order = 0;
  #hashA = 0x811c9dc5;
  #hashB = 0x1b873593;
  steps = 0;
  /** Called with each line of the trace, for a person who replays a seed. */
  onTrace: ((line: string) => void) | null = null;

  /** Calls `run` after `delayMs`. Returns a function that cancels it. */
  after(delayMs: number, label: string, run: () => void): () => void {
    this.#order += 1;
    const event: Event = { at: this.time + Math.max(0, delayMs), order: this.#order, label, run };
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  /** Records that something happened. */
  trace(line: string): void {
    for (let index = 0; index < line.length; index++) {
      const code = line.charCodeAt(index);
      this.#hashA = Math.imul(this.#hashA ^ code, 0x01000193);
      this.#hashB = Math.imul(this.#hashB ^ code, 0x5bd1e995) ^ (this.#hashB >>> 13);
    }
    this.onTrace?.(`${this.time.toFixed(1).padStart(9)} ${line}`);
  }

  get hash(): string {
    return (this.#hashA >>> 0).toString(16).padStart(8, "0") + (this.#hashB >>> 0).toString(16).padStart(8, "0");
  }

  /** Lets time pass until `isDone` returns true, or until `endAt`. */
  async runUntil(endAt: number, isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      const event = this.#pop();
      if (event === undefined) break;
      if (event.at > endAt) {
        this.#push(event);
        this.time = endAt;
        break;
      }
      const { run } = event;
      if (run === null) continue;
      this.time = event.at;
      this.steps += 1;
      this.trace(`${event.label}@${event.at}`);
      run();
      await drained();
    }
  }

  /** So much time goes by in which nothing happens. Whatever is due comes that much later. */
  skip(ms: number): void {
    this.time += ms;
    for (const event of this.#heap) event.at += ms;
    this.trace(`skip ${ms}`);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[index] = above;
      heap[parent] = event;
      index = parent;
    }
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const leftEvent = heap[left];
      if (leftEvent === undefined) break;
      const rightEvent = heap[left + 1];
      const goesRight = rightEvent !== undefined && isBefore(rightEvent, leftEvent);
      const child = goesRight ? rightEvent : leftEvent;
      if (!isBefore(child, last)) break;
      heap[index] = child;
      index = goesRight ? left + 1 : left;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** The event loop takes its next turn only when no promise has anything left to do. */
function drained(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
