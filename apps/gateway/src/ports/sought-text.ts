/**
 * Returns a text as it is looked for in stored JSON. JSON escapes some characters. The case of ASCII letters counts for
 * nothing, and that of others does: a database knows them by its locale, and there are several databases.
 */
export function soughtText(text: string): string {
  return lowered(JSON.stringify(text.toWellFormed()).slice(1, -1));
}

/** Whether stored JSON has a text that `soughtText` gave. */
export function hasSoughtText(json: string, sought: string): boolean {
  return lowered(json).includes(sought);
}

function lowered(text: string): string {
  return text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());
}
