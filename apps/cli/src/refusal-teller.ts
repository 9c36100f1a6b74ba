import type { DevHappening } from "./dev-happening.ts";
import { REFUSALS_REMEMBERED_MAX, REFUSAL_TOLD_EVERY_MS } from "./limits.ts";

type Refusal = Extract<DevHappening, { event: "refused" }>;

/**
 * Returns a function that tells of refusals, each kind once in a while: a page that is refused tries again and again.
 * `now`: milliseconds since any time.
 */
export function refusalTeller(tell: (refusal: Refusal) => void, now: () => number): (refusal: Refusal) => void {
  const toldAt = new Map<string, number>();
  return (refusal) => {
    const { method, route, status, refusedOrigin } = refusal;
    // One cure helps all paths of an origin.
    const kind = refusedOrigin ?? `${method} ${route} ${status}`;
    const last = toldAt.get(kind);
    if (last !== undefined && now() - last < REFUSAL_TOLD_EVERY_MS) return;
    toldAt.delete(kind);
    toldAt.set(kind, now());
    const [oldest] = toldAt.keys();
    if (toldAt.size > REFUSALS_REMEMBERED_MAX && oldest !== undefined) toldAt.delete(oldest);
    tell(refusal);
  };
}
