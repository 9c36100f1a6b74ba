/** Collects the values of an option that may be repeated. A list would swallow the arguments after it. */
export function readRepeated(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}
