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
 * Returns the text without these secrets, whatever their form (`secretForms`). Credentials of a known form are removed
 * as well, and so is the beginning of a secret that the end of the text cuts.
 */
export function redactSecrets(text: string, secrets: readonly string[]): string {
  const forms = secretForms(secrets);
  return withoutKeys(withoutCutEnd(redactForms(text, forms), forms));
}

/** Returns the text without these forms, for texts in which a word of the form of a credential may be innocent. */
export function redactForms(text: string, forms: readonly string[]): string {
  return forms.reduce((rest, form) => rest.replaceAll(form, MARK), text);
}

/** Returns the text without credentials of a known form. */
export function withoutKeys(text: string): string {
  return KEY_PATTERNS.reduce((rest, [pattern, replacement]) => rest.replaceAll(pattern, replacement), text);
}

/**
 * Returns every form in which a text may carry one of these secrets. It may be there as it is, percent-encoded once or
 * twice, escaped as in JSON or HTML, or in hexadecimal. It may stand within any Base64, which may be percent-encoded
 * too. The longest come first, so that no form leaves the rest of another. A secret of fewer than
 * `SECRET_CHARACTERS_MIN` characters has none: so short a word may be an innocent part of a text.
 */
export function secretForms(secrets: readonly string[]): readonly string[] {
  const forms = secrets.filter((secret) => secret.length >= SECRET_CHARACTERS_MIN).flatMap(formsOf);
  return [...new Set(forms)].toSorted((one, other) => other.length - one.length);
}

/** Texts are bounded before they come here, and the bound may lie within a secret. */
function withoutCutEnd(text: string, forms: readonly string[]): string {
  for (const form of forms) {
    for (let length = form.length - 1; length >= SECRET_CHARACTERS_MIN; length -= 1) {
      if (text.endsWith(form.slice(0, length))) return text.slice(0, -length) + MARK;
    }
  }
  return text;
}

function formsOf(secret: string): string[] {
  const hexadecimal = Buffer.from(secret).toString("hex");
  const everyByte = hexadecimal.replaceAll(/../g, "%$&");
  const inBase64 = base64Of(secret);
  // The second is as forms of HTML and many libraries write a query.
  const inUrl = [encodeURIComponent(secret.toWellFormed()), new URLSearchParams([["", secret]]).toString().slice(1)];
  return [
    secret,
    // A URL within a URL, and Base64 within one, are encoded once more.
    ...[...inUrl, ...[...inUrl, ...inBase64].map(encodeURIComponent)].flatMap(inBothCases),
    ...[hexadecimal, everyByte].flatMap((text) => [text, text.toUpperCase()]),
    ...jsonOf(secret),
    ...htmlOf(secret),
    ...inBase64,
  ];
}

/** As writers of HTML and XML escape it, all of them `&` and `<`, and some of them quotes, in one of two ways. */
function htmlOf(secret: string): string[] {
  const text = secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const quoted = text.replaceAll('"', "&quot;");
  return [text, quoted, quoted.replaceAll("'", "&#39;"), quoted.replaceAll("'", "&#x27;")];
}

/** Both cases of the hexadecimal digits in a text that is percent-encoded. */
function inBothCases(text: string): string[] {
  return [text, text.replaceAll(/%[\dA-F]{2}/g, (code) => code.toLowerCase())];
}

/** As writers of JSON escape it: as little as they must, slashes too, all but ASCII too, and JSON within JSON. */
function jsonOf(secret: string): string[] {
  const escaped = JSON.stringify(secret).slice(1, -1);
  const ascii = escaped.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const each = [escaped, escaped.replaceAll("/", String.raw`\/`), ascii, ascii.replaceAll("/", String.raw`\/`)];
  return each.flatMap((text) => [text, JSON.stringify(text).slice(1, -1)]);
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
