/**
 * Where a response leads; null if it is no redirect, or leads to nowhere that can be asked. The outbound client follows
 * those that keep the request. After any other one a POST would go on as a GET without its question.
 */
export function redirectOf({ status, headers }: Response, from: string): URL | null {
  const location = headers.get("location");
  if (location === null || status < 300 || status >= 400) return null;
  const next = URL.canParse(location, from) ? new URL(location, from) : null;
  return next?.protocol === "http:" || next?.protocol === "https:" ? next : null;
}
