import { isListedTarget, targetOf } from "./is-listed-target.ts";

/** The proxies through which requests leave, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them. */
export interface ProxySettings {
  /** For `http:` and for `https:` targets; null: those are reached directly. */
  readonly http: string | null;
  readonly https: string | null;
  /** The targets that are reached directly, as `NO_PROXY` lists them. */
  readonly except: readonly string[];
}

/** Returns the proxy for a target, or null for none. */
export function proxyFor(target: URL, { http, https, except }: ProxySettings): string | null {
  const proxy = target.protocol === "https:" ? https : http;
  return proxy === null || isListedTarget(targetOf(target), except) ? null : proxy;
}
