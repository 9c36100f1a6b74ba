/**
 * Returns the milliseconds to wait: from `retry-after-ms`, else from `retry-after` in seconds or as an HTTP date (RFC
 * 9110, 10.2.3). Null if both are absent or unreadable. `now` is in ms since the epoch.
 */
export function retryAfterMsOf(headers: Headers, now: number): number | null {
  const inMs = Number.parseFloat(headers.get("retry-after-ms") ?? "");
  if (inMs >= 0) return Math.ceil(inMs);
  const text = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number.parseFloat(text) * 1000);
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
