/**
 * Returns how many bytes a text takes in UTF-8 (RFC 3629). A lone surrogate counts as U+FFFD, which stands for it then.
 * It needs no `TextEncoder`, whose type not every runtime declares.
 */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}
