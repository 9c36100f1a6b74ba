/** Reads names that are separated by commas. */
export function readNames(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}
