/**
 * Joins the halves of characters that a stream cuts in two. A provider cuts its text anywhere, also within a surrogate
 * pair. The first half waits here for the second. A half without the other becomes U+FFFD: it is no Unicode text, and a
 * strict reader refuses everything around it.
 */
export class CharacterHalves {
  #first = "";

  /** Returns the whole characters of what waits and of this fragment. */
  add(fragment: string): string {
    if (fragment === "") return "";
    const text = this.#first + fragment;
    const last = text.charCodeAt(text.length - 1);
    const isCut = last >= 0xd800 && last <= 0xdbff;
    this.#first = isCut ? text.slice(-1) : "";
    return (isCut ? text.slice(0, -1) : text).toWellFormed();
  }

  /** Returns what is left at the end of the stream. */
  end(): string {
    const rest = this.#first.toWellFormed();
    this.#first = "";
    return rest;
  }
}
