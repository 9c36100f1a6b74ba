/** Codes of what fails before a connection stands: names, addresses, TLS. No byte of the request has left by then. */
const BEFORE_A_CONNECTION = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_INVALID_ARG",
  "ERR_INVALID_URL",
  "EPROTO",
  // What OpenSSL says of a certificate, and Node of the name in it.
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "HOSTNAME_MISMATCH",
]);
const BEFORE_A_CONNECTION_PREFIXES = ["CERT_", "ERR_TLS_", "ERR_SSL_", "EAI_"];
/** The same, where the error has no code of its own: Node's TLS, a proxy's refusal, and a port that `fetch` refuses. */
const BEFORE_A_CONNECTION_MESSAGE = /before secure TLS connection was established|^Proxy response|^bad port$/;
/** Calls of the operating system that come before a connection stands. */
const BEFORE_A_CONNECTION_CALLS = new Set(["connect", "getaddrinfo"]);

/**
 * Whether a request that failed was certainly never sent. Where that is not certain the answer is no: the other side
 * may have received the request and may have acted on it.
 */
export function neverSent(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (isBeforeConnection(error)) return true;
  // A host with several addresses fails with one error for each.
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(neverSent);
  return error.cause !== undefined && neverSent(error.cause);
}

function isBeforeConnection(error: Error & { readonly code?: unknown; readonly syscall?: unknown }): boolean {
  const { code, syscall, message } = error;
  if (typeof syscall === "string" && BEFORE_A_CONNECTION_CALLS.has(syscall)) return true;
  if (BEFORE_A_CONNECTION_MESSAGE.test(message)) return true;
  if (typeof code !== "string") return false;
  return BEFORE_A_CONNECTION.has(code) || BEFORE_A_CONNECTION_PREFIXES.some((prefix) => code.startsWith(prefix));
}
