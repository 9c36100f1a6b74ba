/** Returns why a text of a path or a query cannot be kept, or null. */
export function textFault(text: string): string | null {
  if (text.includes("\u0000")) return "holds a NUL character";
  return text.isWellFormed() ? null : "holds half of a surrogate pair, which is no Unicode text";
}
