/** Which clock times are shown by. */
export type Zone = "utc" | "local";

/** The time of day to the millisecond, such as `12:03:11.042`. */
export function clockTime(iso: string, zone: Zone): string {
  return parts(iso, zone).time;
}

/** The whole time, such as `2026-11-29 12:03:11.042 UTC`. */
export function fullTime(iso: string, zone: Zone): string {
  const { date, time } = parts(iso, zone);
  return `${date} ${time} ${zone === "utc" ? "UTC" : "local time"}`;
}

function parts(iso: string, zone: Zone): { readonly date: string; readonly time: string } {
  const at = new Date(iso);
  // An ISO text has the fields in UTC. Shifted by the offset, it has those of the place.
  const shown = zone === "utc" ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  const [date = "", time = ""] = shown.toISOString().split("T");
  return { date, time: time.replace("Z", "") };
}
