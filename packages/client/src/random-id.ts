/**
 * Returns a text that nobody else has made. It is a random UUID where `crypto.randomUUID` exists; React Native and
 * pages without TLS lack it.
 */
export function randomId(): string {
  const crypto: { randomUUID?: () => string } | undefined = globalThis.crypto;
  if (crypto?.randomUUID !== undefined) return crypto.randomUUID();
  const random = (): string => Math.random().toString(36).slice(2);
  return `${Date.now().toString(36)}-${random()}${random()}`;
}
