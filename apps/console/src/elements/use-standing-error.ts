import { useRef } from "react";

/**
 * Why something that has never been read could not be read; null: it was read, or nothing is known yet. A query forgets
 * its error when it asks again. Until the answer a page would show nothing, so here the error stands.
 * `of`: what is read.
 */
export function useStandingError(of: string, read: { readonly data: unknown; readonly error: Error | null }) {
  const last = useRef<{ readonly of: string; readonly error: Error } | null>(null);
  if (read.data !== undefined) last.current = null;
  else if (read.error !== null) last.current = { of, error: read.error };
  return last.current?.of === of ? last.current.error : null;
}
