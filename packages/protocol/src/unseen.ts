/**
 * Characters that a person does not see as what they are: controls, separators of lines, halves of pairs. Marks that
 * reorder or hide text belong to them, and what has no width.
 */
export const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/** Returns JSON that says exactly the same, with every unseen character escaped. Line feeds between values stay. */
export function escapeUnseen(json: string): string {
  return json.replaceAll(UNSEEN, (character) => (character === "\n" ? character : escaped(character)));
}

function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`,
  ).join("");
}
