import { isId, type ListRunsQuery, RUN_STATUSES, type RunStatus } from "@hsafa/protocol";

/** Which runs a list shows. It stands in the address, so that a list can be sent to somebody. */
export interface RunFilters {
  readonly status?: RunStatus;
  readonly agent?: string;
  /** The id of a version. */
  readonly version?: string;
  readonly thread?: string;
  readonly subject?: string;
  /** The id or key of a device. */
  readonly device?: string;
  /** An ISO time in UTC, of which the end may be left out, or how long ago: `30m`, `24h`, `7d`. */
  readonly since?: string;
  readonly until?: string;
  /** A text in the metadata. */
  readonly metadata?: string;
}

/** What was written into the filter field. */
export type ReadFilters =
  | { readonly kind: "filters"; readonly filters: RunFilters }
  /** The id of a run: its page is meant. */
  | { readonly kind: "run"; readonly runId: string }
  | { readonly kind: "fault"; readonly message: string };

/** The filters, in the order in which they are written. */
export const FILTER_NAMES = [
  "status",
  "agent",
  "version",
  "thread",
  "subject",
  "device",
  "since",
  "until",
  "metadata",
] as const;
type FilterName = (typeof FILTER_NAMES)[number];

/** A word, or what stands in quotes behind its name. */
const WORDS = /(?:[a-z]+:)?"[^"]*"|\S+/giu;

/**
 * Reads the words of the field, such as `status:failed agent:support metadata:"order 17"`. A word alone names an agent.
 */
export function readFilters(text: string): ReadFilters {
  const filters: Record<string, string> = {};
  for (const [word] of text.matchAll(WORDS)) {
    if (isId(word)) return { kind: "run", runId: word };
    const at = word.indexOf(":");
    const [name, quoted] = at < 0 ? ["agent", word] : [word.slice(0, at), word.slice(at + 1)];
    if (!isName(name))
      return { kind: "fault", message: `'${name}' is no filter. There are ${FILTER_NAMES.join(", ")}.` };
    const value = /^".*"$/u.test(quoted) ? quoted.slice(1, -1) : quoted;
    const fault = faultOf(name, value);
    if (fault !== null) return { kind: "fault", message: fault };
    filters[name] = value;
  }
  return { kind: "filters", filters };
}

/** Writes filters as the field shows them. */
export function writeFilters(filters: RunFilters): string {
  return FILTER_NAMES.flatMap((name) => {
    const value = filters[name];
    return value === undefined ? [] : [`${name}:${/\s/u.test(value) ? `"${value}"` : value}`];
  }).join(" ");
}

/** Takes the filters of an address. What is none is left out. */
export function filtersIn(search: Readonly<Record<string, unknown>>): RunFilters {
  const filters: Record<string, string> = {};
  for (const name of FILTER_NAMES) {
    const value = search[name];
    if (typeof value === "string" && faultOf(name, value) === null) filters[name] = value;
  }
  return filters;
}

/** Returns the query of a list with these filters, as it is at this time. */
export function listQueryOf(filters: RunFilters, now: number): Omit<ListRunsQuery, "limit" | "cursor"> {
  const { thread, version, since, until, ...rest } = filters;
  return {
    ...rest,
    ...(thread === undefined ? {} : { threadId: thread }),
    ...(version === undefined ? {} : { versionId: version }),
    ...(since === undefined ? {} : { since: new Date(timeOf(since, now) ?? 0).toISOString() }),
    ...(until === undefined ? {} : { until: new Date(timeOf(until, now) ?? now).toISOString() }),
  };
}

function isName(text: string): text is FilterName {
  return (FILTER_NAMES as readonly string[]).includes(text);
}

function faultOf(name: FilterName, value: string): string | null {
  if (value === "") return `'${name}:' needs a value.`;
  if (name === "status" && !(RUN_STATUSES as readonly string[]).includes(value))
    return `'${value}' is no state. There are ${RUN_STATUSES.join(", ")}.`;
  if (name === "version" && !isId(value)) return `'${value}' is no version: the page of its agent leads to its runs.`;
  if ((name === "since" || name === "until") && timeOf(value, 0) === null)
    return `'${value}' is no time. Write 30m, 24h, 7d, 2026-11-29, or 2026-11-29T12:00.`;
  return null;
}

const AGO_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time in ms; null: it is none. */
function timeOf(text: string, now: number): number | null {
  const ago = /^(?<count>\d{1,5})(?<unit>[mhd])$/u.exec(text)?.groups;
  if (ago !== undefined) return now - Number(ago.count) * (AGO_MS[ago.unit ?? ""] ?? 0);
  if (!/^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?Z?)?$/u.test(text)) return null;
  const at = Date.parse(text.includes("T") && !text.endsWith("Z") ? `${text}Z` : text);
  return Number.isNaN(at) ? null : at;
}
