/**
 * Labels as the store keeps them: texts `["name","value"]`. A device has the labels that a call asks for if its array
 * contains the call's. JSON escapes what a Postgres text cannot hold.
 */
export function labelTexts(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map((entry) => JSON.stringify(entry));
}

export function labelsOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.map((text) => JSON.parse(text) as [string, string]));
}
