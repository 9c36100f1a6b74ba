import { useEffect, useRef, useState } from "react";

/** The value, at most once in so many ms: what costs a frame must not cost each of them. 0: always the newest. */
export function usePaced<T>(value: T, everyMs: number): T {
  const [shown, setShown] = useState(value);
  const shownAt = useRef(0);
  useEffect(() => {
    if (everyMs === 0 || Object.is(value, shown)) return undefined;
    const wait = shownAt.current + everyMs - performance.now();
    const show = (): void => {
      shownAt.current = performance.now();
      setShown(value);
    };
    if (wait <= 0) {
      show();
      return undefined;
    }
    const timer = setTimeout(show, wait);
    return () => clearTimeout(timer);
  }, [value, shown, everyMs]);
  return everyMs === 0 ? value : shown;
}
