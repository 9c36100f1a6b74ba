/**
 * Text as the store keeps it. What a Postgres text cannot hold becomes U+FFFD: a NUL, and a surrogate without its other
 * half. JSON text is kept as it is, since JSON escapes both.
 */
export function storableText(text: string): string {
  // Almost no text has a NUL, and looking for one is much cheaper than replacing.
  const withoutNul = text.includes("\u0000") ? text.replaceAll("\u0000", "\ufffd") : text;
  return withoutNul.toWellFormed();
}
