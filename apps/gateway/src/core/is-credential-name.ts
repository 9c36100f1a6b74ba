/** Words by which headers and parameters name a credential. */
const WORDS: ReadonlySet<string> = new Set([
  "auth",
  "authorization",
  "bearer",
  "cookie",
  "credential",
  "credentials",
  "jwt",
  "key",
  "pass",
  "passphrase",
  "passwd",
  "password",
  "pwd",
  "secret",
  "session",
  "sid",
  "sig",
  "signature",
  "token",
]);
/** The same at the end of names that are written as one word. */
const ENDS = /(?:apikey|accesskey|secretkey|passwd|password|secret|sessionid|token)$/;
/** Their values are no credentials, although a word says so. */
const INNOCENT: ReadonlySet<string> = new Set([
  "idempotency-key",
  "sort-key",
  "sort_key",
  "cache-key",
  "page_token",
  "promptcachekey",
  "prompt_cache_key",
]);

/** What each of the names above contains. A config may have many names, and most of them hold none of these. */
const TRACE = /auth|bearer|cookie|credential|jwt|key|pass|pwd|secret|session|sid|sig|token/i;

/** Whether a header, a parameter or a field of this name holds a credential, as far as its name tells. */
export function isCredentialName(name: string): boolean {
  if (!TRACE.test(name)) return false;
  const lower = name.toLowerCase();
  if (INNOCENT.has(lower)) return false;
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z\d]+/);
  return words.some((word) => WORDS.has(word)) || ENDS.test(lower);
}
