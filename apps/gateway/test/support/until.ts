/** Waits for a condition, and says which one did not come. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  // Less and less often, so that many who wait do not keep the store from what they wait for.
  for (let pauseMs = 5; !(await condition()); pauseMs = Math.min(100, pauseMs * 1.5)) {
    if (performance.now() > deadline) throw new Error(`It did not happen within ${timeoutMs} ms that ${what}.`);
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs);
    });
  }
}
