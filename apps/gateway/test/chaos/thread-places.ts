/** Runs of one thread, at least and at most. */
const PLACES_MIN = 3;
const PLACES_MAX = 6;

/**
 * Deals out threads to the runs of a load, in the order of the runs: to a share of them (0 to 1) a thread's key, to the
 * others null. One thread is filled at a time, so that its runs are open together and wait for each other, and no more
 * of them wait than it has places.
 */
export function dealThreads(random: () => number, share: number): () => string | null {
  let threads = 0;
  let places = 0;
  return () => {
    if (random() >= share) return null;
    if (places === 0) {
      threads += 1;
      places = PLACES_MIN + Math.floor(random() * (PLACES_MAX - PLACES_MIN + 1));
    }
    places -= 1;
    return `chaos-thread-${threads}`;
  };
}
