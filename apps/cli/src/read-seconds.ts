import { InvalidArgumentError } from "commander";

const SECONDS_OF = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Reads a span of time such as `30m`, in seconds. Throws for what is none. */
export function readSeconds(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count === undefined) throw new InvalidArgumentError("A time is written like 30m, 12h or 90d.");
  return Number(count) * SECONDS_OF[unit as keyof typeof SECONDS_OF];
}
