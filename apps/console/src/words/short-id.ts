/** An id as a list shows it: what tells runs of one hour apart is its end. */
export function shortId(id: string): string {
  return id.length <= 12 ? id : `${id.slice(0, 4)}…${id.slice(-6)}`;
}

/** The hash of a config as a list shows it: its beginning, by which commands find it too. */
export function shortHash(hash: string): string {
  return hash.slice(0, 12);
}
