/** Waits for a condition, and says which one did not come. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`It did not happen within ${timeoutMs} ms that ${what}.`);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}
