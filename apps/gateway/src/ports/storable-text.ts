/**
 * Text as the store keeps it. What a Postgres text cannot hold becomes U+FFFD: a NUL, and a surrogate without its other
 * half. JSON text is kept as it is, since JSON escapes both.
 */
export function storableText(text: string): string {
  return text.replaceAll("\u0000", "\ufffd").toWellFormed();
}
