import { useEffect, useState } from "react";
import { usePreferences } from "../preferences.tsx";
import { clockTime, fullTime } from "../words/clock-time.ts";
import { ago, duration } from "../words/duration.ts";

/** A time of the day; the whole time is its title. */
export function ClockTime({ at }: { readonly at: string }) {
  const { zone } = usePreferences();
  return (
    <time dateTime={at} title={fullTime(at, zone)}>
      {clockTime(at, zone)}
    </time>
  );
}

/** A time as text of how long ago it was; the whole time is its title. */
export function TimeText({ at }: { readonly at: string }) {
  const { zone } = usePreferences();
  const now = useNow();
  return (
    <time dateTime={at} title={fullTime(at, zone)}>
      {ago(now - Date.parse(at))}
    </time>
  );
}

/** The time, which moves on each second. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** A time that is to come, as text of how long it takes until then. */
export function TimeUntil({ at }: { readonly at: string }) {
  const { zone } = usePreferences();
  const left = Date.parse(at) - useNow();
  return (
    <time dateTime={at} title={fullTime(at, zone)}>
      {left <= 0 ? "now" : `in ${duration(left)}`}
    </time>
  );
}
