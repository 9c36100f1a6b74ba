import { SECRET_CHARACTERS_MIN } from "./limits.ts";

/** Stands for a secret that was removed. */
const MARK = "[key]";

/** Keys as the known providers form them, and credentials in a header that a server repeats. Each pattern is linear. */
const KEY_PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b(?:sk|xai|gsk|AIza)[-_][-_A-Za-z0-9*.]{6,}|\bAIza[-_A-Za-z0-9*]{6,}/g, MARK],
  [/\b(bearer|basic)(\s{1,8})[-_A-Za-z0-9+/=.~]{8,}/gi, `$1$2${MARK}`],
  [/\b(x-api-key|api-key|x-goog-api-key|apikey)(["']?\s{0,8}[:=]\s{0,8}["']?)[-_A-Za-z0-9+/=.~]{8,}/gi, `$1$2${MARK}`],
  [/(:\/\/)[^\s/@:]{0,256}:[^\s/@]{1,256}@/g, `$1${MARK}@`],
];

/**
 * Returns the text without these secrets: as they are, percent-encoded, escaped as in JSON, and within any Base64.
 * Credentials of a known form are removed as well. A secret of fewer than `SECRET_CHARACTERS_MIN` characters stays: so
 * short a word may be an innocent part of the text.
 */
export function redactSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets.filter((secret) => secret.length >= SECRET_CHARACTERS_MIN).flatMap(formsOf);
  // The longest first, so that no form leaves the rest of another.
  const longestFirst = [...new Set(forms)].toSorted((one, other) => other.length - one.length);
  const withoutOurs = longestFirst.reduce((rest, form) => rest.replaceAll(form, MARK), text);
  return KEY_PATTERNS.reduce((rest, [pattern, replacement]) => rest.replaceAll(pattern, replacement), withoutOurs);
}

/** The forms in which a text may carry a secret. */
function formsOf(secret: string): string[] {
  return [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1), ...base64Of(secret)];
}

/**
 * What every Base64 that contains the secret has in common. Base64 turns three bytes into four characters, so there is
 * one text for each place of the secret's first byte. Characters that also carry a neighbour's bits are left out.
 */
function base64Of(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap((offset) => {
    const first = offset === 0 ? 0 : Math.ceil((offset * 8) / 6);
    const end = Math.floor(((offset + bytes.length) * 8) / 6);
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .slice(first, end);
    return [encoded, encoded.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
