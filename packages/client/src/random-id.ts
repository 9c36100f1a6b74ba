/**
 * A text that nobody else has made: `crypto.randomUUID` where there is one, which React Native and pages without TLS
 * lack.
 */
export function randomId(): string {
  const crypto: { randomUUID?: () => string } | undefined = globalThis.crypto;
  if (crypto?.randomUUID !== undefined) return crypto.randomUUID();
  const random = (): string => Math.random().toString(36).slice(2);
  return `${Date.now().toString(36)}-${random()}${random()}`;
}
