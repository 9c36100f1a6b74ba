import { parsePosition } from "@hsafa/protocol";

/** What of a run a page shows. It stands in the address, so that two people see the same. */
export interface RunSearch {
  /** The page is as of this position; left out: it follows the run. */
  readonly at?: string;
  readonly tab?: RunTab;
  /** The fact that stands beside the list. */
  readonly show?: number;
  /** The call that stands beside the list. */
  readonly call?: string;
  /** What is searched for in the events. */
  readonly q?: string;
  readonly type?: string;
}

/** The ways to read a run. */
export const RUN_TABS = ["transcript", "events", "calls"] as const;

/** One of the ways to read a run. */
export type RunTab = (typeof RUN_TABS)[number];

/** Takes from an address what it says of a run. What is none is left out. */
export function runSearchIn(search: Readonly<Record<string, unknown>>): RunSearch {
  const { at, tab, show, call, q, type } = search;
  return {
    ...(typeof at === "string" && parsePosition(at) !== null ? { at } : {}),
    ...((RUN_TABS as readonly unknown[]).includes(tab) ? { tab: tab as RunTab } : {}),
    ...(Number.isInteger(show) && Number(show) > 0 ? { show: Number(show) } : {}),
    ...(typeof call === "string" && call !== "" ? { call } : {}),
    ...(typeof q === "string" && q !== "" ? { q } : {}),
    ...(typeof type === "string" && type !== "" ? { type } : {}),
  };
}
