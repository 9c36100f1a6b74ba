/** The same, beginning with another one in each turn, and every other time backwards: what is compared takes turns. */
export function rotated<T>(ways: readonly T[], turn: number): readonly T[] {
  const from = Math.floor(turn / 2) % ways.length;
  const order = [...ways.slice(from), ...ways.slice(0, from)];
  return turn % 2 === 0 ? order : order.toReversed();
}
