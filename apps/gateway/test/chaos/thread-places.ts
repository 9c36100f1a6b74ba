/** The fewest and the most runs of one thread. */
const PLACES_MIN = 3;
const PLACES_MAX = 6;

/** How the keys of these threads begin. */
export const THREAD_KEYS = "chaos-thread-";

/**
 * Returns a function that deals threads to the runs of a load, in the order of the runs. A share of them (0 to 1) gets
 * a thread's key, and the others get null. It fills one thread after the other, so that the runs of a thread are open
 * together and wait for each other.
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
    return `${THREAD_KEYS}${threads}`;
  };
}
