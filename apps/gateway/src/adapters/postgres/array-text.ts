/** Writes texts as Postgres reads an array, for one element of a parameter that is itself an array. */
export function arrayText(texts: readonly string[]): string {
  return `{${texts.map((text) => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(",")}}`;
}
