/**
 * Estimates from below how many bits a guesser of a secret lacks. It is no proof of strength. It finds what people type
 * where a random secret belongs: one character many times, a word repeated, a row of the alphabet.
 *
 * A character counts only if it does not follow from those before it. Each that counts is worth the entropy of the
 * whole text, per character.
 */
export function secretBits(secret: string): number {
  const characters = Array.from(secret);
  const counts = new Map<string, number>();
  for (const character of characters) counts.set(character, (counts.get(character) ?? 0) + 1);
  let entropy = 0;
  for (const count of counts.values()) entropy -= (count / characters.length) * Math.log2(count / characters.length);
  return entropy * characters.filter((_, index) => !follows(characters, index)).length;
}

function follows(characters: readonly string[], index: number): boolean {
  const step = stepTo(characters, index);
  // A row goes on: aaa, abc, 321.
  if (Math.abs(step) <= 1 && step === stepTo(characters, index - 1)) return true;
  // What stood here before is said again.
  if (index < 3) return false;
  const before = characters.slice(index - 3, index).join("");
  return characters.slice(0, index).join("").includes(`${before}${characters[index]}`);
}

function stepTo(characters: readonly string[], index: number): number {
  const [before, here] = [characters[index - 1], characters[index]];
  if (before === undefined || here === undefined) return Number.NaN;
  return (here.codePointAt(0) ?? 0) - (before.codePointAt(0) ?? 0);
}
